#include "seek_index_summary.h"

#include <iostream>

#include "lockstep/core/text.h"

namespace lockstep::cli {

void print_summary(const data::SeekIndexSummary& summary, bool checked) {
  const auto records = static_cast<double>(summary.records);
  std::cout << summary.path.string() << (checked ? " is good: " : ": ")
            << format("%lld of %lld pictures have seek points, %s (%.2f %% of the records), %.0f images/s\n",
                      static_cast<long long>(summary.indexed), static_cast<long long>(summary.records),
                      bytes_text(static_cast<double>(summary.bytes)).c_str(),
                      100 * static_cast<double>(summary.bytes) /
                          static_cast<double>(summary.record_bytes > 0 ? summary.record_bytes : 1),
                      records / summary.seconds);
  if (summary.unreadable > 0) std::cout << summary.unreadable << " records are damaged: lockstep check names them\n";
}

}  // namespace lockstep::cli

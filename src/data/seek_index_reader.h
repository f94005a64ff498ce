#pragma once

#include <atomic>
#include <memory>

#include "seek_index_format.h"

namespace lockstep::data {

/// The seek index of a .rec, open beside it. Points are checked against their picture when they are asked for the first
/// time, and remembered as good or bad; the first bad ones are told in a warning. Any thread.
class SeekIndexReader {
 public:
  /// Nothing where there is none; with one warning where there is one that cannot be used.
  static std::unique_ptr<SeekIndexReader> open(const Path& records, size_t record_count);

  /// Empty where the picture has none, or those of another.
  Bytes points(size_t record, Bytes picture) const;

 private:
  SeekIndexReader(MappedFile file, SeekIndexParts parts, size_t record_count);

  enum class State : uint8_t { kUnknown, kGood, kBad };
  MappedFile file_;
  SeekIndexParts parts_;
  std::unique_ptr<std::atomic<State>[]> states_;  // one a record
  mutable std::atomic<bool> warned_ = false;
};

}  // namespace lockstep::data

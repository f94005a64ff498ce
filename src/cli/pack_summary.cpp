#include "pack_summary.h"

#include <algorithm>
#include <iostream>

#include "lockstep/core/text.h"

namespace lockstep::cli {
namespace {

constexpr size_t kShownClasses = 40;
constexpr size_t kShownNames = 10;

void print_files(const data::PackSummary& summary) {
  size_t width = 4;
  for (const auto& file : summary.files) width = std::max(width, file.records.string().size());
  std::cout << format("%-*s  %10s  %10s\n", static_cast<int>(width), "file", "pictures", "size");
  for (const auto& file : summary.files)
    std::cout << format("%-*s  %10lld  %10s\n", static_cast<int>(width), file.records.c_str(),
                        static_cast<long long>(file.samples), bytes_text(static_cast<double>(file.bytes)).c_str());
}

void print_classes(const data::PackSummary& summary) {
  if (summary.classes.empty() || summary.files.empty()) return;
  std::vector<int64_t> totals(summary.classes.size(), 0);
  std::cout << "\nlabel";
  for (const auto& file : summary.files)
    std::cout << format("  %8.8s", std::to_string(&file - summary.files.data() + 1).insert(0, "file ").c_str());
  std::cout << "  class\n";
  for (size_t c = 0; c < summary.classes.size(); ++c) {
    for (const auto& file : summary.files) totals[c] += file.class_counts[c];
    if (c >= kShownClasses) continue;
    std::cout << format("%5zu", c);
    for (const auto& file : summary.files) std::cout << format("  %8lld", static_cast<long long>(file.class_counts[c]));
    std::cout << "  " << summary.classes[c] << '\n';
  }
  if (totals.size() > kShownClasses) std::cout << "  and " << totals.size() - kShownClasses << " more classes\n";
  const auto [least, most] = std::ranges::minmax_element(totals);
  if (*least == *most) {
    std::cout << "each class has " << *most << " pictures\n";
    return;
  }
  const auto name = [&](auto total) { return summary.classes[static_cast<size_t>(total - totals.begin())]; };
  std::cout << "the largest class, " << name(most) << ", has " << *most << " pictures, the smallest, " << name(least)
            << ", " << *least;
  if (*least > 0) std::cout << format(" (%.2fx)", static_cast<double>(*most) / static_cast<double>(*least));
  std::cout << '\n';
}

void print_names(const std::vector<std::string>& names, const char* what) {
  if (names.empty()) return;
  std::cout << '\n' << names.size() << ' ' << what << ":\n";
  for (size_t i = 0; i < std::min(names.size(), kShownNames); ++i) std::cout << "  " << names[i] << '\n';
  if (names.size() > kShownNames) std::cout << "  and " << names.size() - kShownNames << " more\n";
}

/// PREFIX of the shards PREFIX-00000-of-00004.rec, as a channel takes them; other names stay.
std::string channel_of(const std::string& records) { return records.substr(0, records.rfind("-00000-of-")); }

/// The first file of a part, for the hint; empty when there is none.
std::string file_with(const data::PackSummary& summary, const std::string& part) {
  for (const auto& file : summary.files)
    if (file.records.filename().string().find(part) != std::string::npos) return channel_of(file.records.string());
  return "";
}

void print_next(const data::PackSummary& summary, const data::PackOptions& options) {
  if (options.list_only || summary.files.empty()) return;
  const bool one_set = summary.files.size() == static_cast<size_t>(options.shards);
  if (one_set) {
    std::cout << "\nnext: " << channel_of(summary.files[0].records.string())
              << " as a channel of lockstep train CONFIG.yaml\n";
    return;
  }
  const std::string train = file_with(summary, "_train"), validation = file_with(summary, "_val");
  std::cout << "\nnext: lockstep train CONFIG.yaml channels.train="
            << (train.empty() ? channel_of(summary.files.front().records.string()) : train);
  if (!validation.empty()) std::cout << " channels.validation=" << validation;
  std::cout << '\n';
}

}  // namespace

void print_summary(const data::PackSummary& summary, const data::PackOptions& options) {
  print_files(summary);
  print_classes(summary);
  print_names(summary.unreadable, "pictures cannot be read and were left out");
  print_names(summary.foreign, "files and folders hold no picture of a class and were left out");
  int64_t samples = 0;
  for (const auto& file : summary.files) samples += file.samples;
  std::cout << format("\n%lld pictures in %s", static_cast<long long>(samples), duration_text(summary.seconds).c_str());
  if (!options.list_only)
    std::cout << format(", %.0f images/s", static_cast<double>(samples) / std::max(summary.seconds, 1e-9));
  std::cout << '\n';
  print_next(summary, options);
}

}  // namespace lockstep::cli

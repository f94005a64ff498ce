#include "lockstep/data/pack.h"

#include <chrono>

#include "lockstep/core/error.h"
#include "pack_sets.h"
#include "pack_write.h"

namespace lockstep::data {
namespace {

void check_paths(const PackOptions& options) {
  std::error_code error;
  require(std::filesystem::is_directory(options.root, error), ErrorKind::kUsage, options.root.string(),
          " is no folder; expected is `lockstep pack FOLDER PREFIX`");
  require(!options.prefix.filename().empty() && !std::filesystem::is_directory(options.prefix, error),
          ErrorKind::kUsage, options.prefix.string(),
          " is a folder; PREFIX is the beginning of file names: ", (options.prefix / "train").string(),
          " makes train.rec in it");
  const int sources = !options.from_list.empty() + !options.labels.empty() + options.existing_lists;
  require(sources <= 1, ErrorKind::kUsage, "--from-list and --labels both say what to pack; give one of them");
}

void check_numbers(const PackOptions& options) {
  require(options.encoding == ".jpg" || options.encoding == ".png", ErrorKind::kUsage, "--encoding ", options.encoding,
          ": expected is .jpg or .png");
  require(options.resize >= 0 && options.resize <= 65'500, ErrorKind::kUsage, "--resize ", options.resize,
          ": expected are pixels, at most 65500");
  require(options.quality >= 1 && options.quality <= 100, ErrorKind::kUsage, "--quality ", options.quality,
          ": expected is 1..100 (JPEG) or 1..9 (PNG)");
  require(options.colour >= -1 && options.colour <= 1, ErrorKind::kUsage, "--color ", options.colour,
          ": expected is 1 (colour), 0 (grey) or -1 (as it is)");
  require(options.shards >= 1, ErrorKind::kUsage, "--shards ", options.shards, ": expected is 1 or more");
  require(options.chunks >= 1, ErrorKind::kUsage, "--chunks ", options.chunks, ": expected is 1 or more");
  require(options.threads >= 0, ErrorKind::kUsage, "--threads ", options.threads,
          ": expected is 1 or more, or 0 for all cores");
}

void check_shares(const PackOptions& options) {
  constexpr double kRounding = 1e-9;
  double sum = 0;
  for (const double share : options.split) {
    require(share > 0 && share <= 1, ErrorKind::kUsage, "--split: ", share,
            " is no share; expected is e.g. 0.8 or 0.8:0.1");
    sum += share;
  }
  require(
      options.split.size() <= 2 && sum <= 1 + kRounding, ErrorKind::kUsage,
      "--split: expected are one or two shares (train:validation) of together at most 1; the rest is the next part");
  const bool ratios =
      options.train_ratio >= 0 && options.test_ratio >= 0 && options.train_ratio <= 1 && options.test_ratio <= 1;
  require(ratios, ErrorKind::kUsage, "--train-ratio and --test-ratio are shares from 0 to 1");
  require(options.split.empty() || (options.train_ratio == 1.0 && options.chunks == 1), ErrorKind::kUsage,
          "--split and --train-ratio or --chunks both cut the list; give one of them");
}

void write_classes(const PackPlan& plan, const PackOptions& options) {
  if (plan.classes.empty()) return;
  write_atomic(options.prefix.string() + ".classes", join(plan.classes, "\n") + "\n");
}

void make_folder_of(const Path& prefix) {
  if (!prefix.has_parent_path()) return;
  std::error_code error;
  std::filesystem::create_directories(prefix.parent_path(), error);
  require(!error, ErrorKind::kIo, prefix.parent_path().string(), ": cannot make this folder: ", error.message());
}

}  // namespace

PackSummary pack(const PackOptions& options) {
  check_paths(options);
  check_numbers(options);
  check_shares(options);
  const auto begin = std::chrono::steady_clock::now();
  const PackPlan plan = plan_pack(options);
  make_folder_of(options.prefix);
  write_classes(plan, options);
  PackSummary summary{.files = {}, .classes = plan.classes, .unreadable = {}, .foreign = plan.foreign};
  for (const auto& set : plan.sets)
    summary.files.push_back(options.list_only ? write_set_list(plan, set, options)
                                              : write_set(plan, set, options, summary.unreadable));
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return summary;
}

}  // namespace lockstep::data

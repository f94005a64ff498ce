#include "lockstep/data/pack.h"

#include <chrono>

#include "lockstep/core/error.h"
#include "manifest.h"
#include "pack_sets.h"
#include "pack_write.h"

namespace lockstep::data {
namespace {

/// A list in the place of the folder becomes the option for it.
PackOptions with_list_recognised(PackOptions options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.root, error)) return options;
  const std::string extension = lower(options.root.extension().string());
  Path* place = extension == ".lst"                 ? &options.from_list
                : extension == ".csv"               ? &options.labels
                : looks_like_manifest(options.root) ? &options.manifest
                : extension == ".json"              ? &options.coco
                                                    : nullptr;
  require(place != nullptr, ErrorKind::kUsage, options.root.string(),
          " is neither a folder nor a list of pictures (.lst, .csv, COCO .json, .manifest, .jsonl)");
  require(place->empty() || *place == options.root, ErrorKind::kUsage, options.root.string(), " and ", place->string(),
          " both say what to pack; give the folder of the pictures, or one of them");
  *place = options.root;
  options.root = place == &options.from_list ? options.from_list.parent_path() : Path();
  if (place == &options.from_list && options.root.empty()) options.root = ".";
  return options;
}

bool finds_root(const PackOptions& options) {
  return options.root.empty() && (!options.labels.empty() || !options.coco.empty() || !options.manifest.empty());
}

void check_paths(const PackOptions& options) {
  std::error_code error;
  require(finds_root(options) || std::filesystem::is_directory(options.root, error), ErrorKind::kUsage,
          options.root.string(), " is no folder; expected is `lockstep pack FOLDER PREFIX`");
  require(!options.prefix.filename().empty() && !std::filesystem::is_directory(options.prefix, error),
          ErrorKind::kUsage, options.prefix.string(),
          " is a folder; PREFIX is the beginning of file names: ", (options.prefix / "train").string(),
          " makes train.rec in it");
  const int sources = !options.from_list.empty() + !options.labels.empty() + !options.coco.empty() +
                      !options.manifest.empty() + options.existing_lists;
  require(sources <= 1, ErrorKind::kUsage,
          "--from-list and --labels, --coco and --manifest say each what to pack; give one of them");
  require(!options.coco.empty() || (options.categories.empty() && !options.drop_without_category), ErrorKind::kUsage,
          "--categories and --without-category are for COCO JSON (--coco FILE)");
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

PackSummary pack(const PackOptions& given) {
  const PackOptions options = with_list_recognised(given);
  check_paths(options);
  check_numbers(options);
  check_shares(options);
  const auto begin = std::chrono::steady_clock::now();
  const PackPlan plan = plan_pack(options);
  make_folder_of(options.prefix);
  write_classes(plan, options);
  PackSummary summary{.files = {}, .classes = plan.classes, .unreadable = plan.unreadable, .foreign = plan.foreign};
  for (const auto& set : plan.sets)
    summary.files.push_back(options.list_only ? write_set_list(plan, set, options)
                                              : write_set(plan, set, options, summary.unreadable));
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return summary;
}

}  // namespace lockstep::data

#include <algorithm>
#include <array>

#include "class_names.h"
#include "lockstep/core/error.h"
#include "pack_sets.h"
#include "pack_walk.h"
#include "python_random.h"

namespace lockstep::data {
namespace {

struct Split {
  const char* folder;
  const char* suffix;
};
// In this order: the labels of the first that exists are those of all.
constexpr std::array kSplits = {Split{"train", "_train"}, Split{"validation", "_val"}, Split{"valid", "_val"},
                                Split{"val", "_val"}, Split{"test", "_test"}};

std::vector<Split> splits_in(const Path& root) {
  std::vector<Split> splits;
  for (const auto& split : kSplits) {
    std::error_code error;
    if (!std::filesystem::is_directory(root / split.folder, error)) continue;
    for (const auto& other : splits)
      require(std::string_view(other.suffix) != split.suffix, ErrorKind::kUsage, root.string(), " holds both ",
              other.folder, " and ", split.folder, "; which is the validation split?");
    splits.push_back(split);
  }
  return splits;
}

std::string nothing_found(const Path& root, const PackOptions& options, size_t foreign) {
  std::string text = cat(root.string(), ": no pictures (", join(options.extensions, " "), ")");
  if (!options.recursive) return text + " directly in it; --recursive reads the folders below it too";
  text += " in class folders";
  if (foreign > 0)
    text += cat("; it holds ", foreign,
                " other files: pictures without class folders need --from-list FILE.lst or --labels FILE.csv, other "
                "extensions --exts");
  return text;
}

/// Labels the pictures of one folder; `classes` is filled when it is empty.
PackSet label_pictures(const Path& root, const PackOptions& options, PackPlan& plan) {
  Walk walk = walk_classes(root, options);
  require(!walk.pictures.empty(), ErrorKind::kData, nothing_found(root, options, walk.foreign.size()));
  if (plan.classes.empty()) plan.classes = walk.folders;
  std::vector<float> labels;
  for (const auto& folder : walk.folders)
    labels.push_back(static_cast<float>(find_class(plan.classes, folder, (root / folder).string())));
  PackSet set{.suffix = "", .root = root, .entries = {}};
  for (auto& picture : walk.pictures)
    set.entries.push_back({set.entries.size(), {labels[picture.folder]}, std::move(picture.path)});
  if (options.shuffle) python_shuffle(set.entries, kIm2recSeed);
  plan.foreign.insert(plan.foreign.end(), walk.foreign.begin(), walk.foreign.end());
  return set;
}

}  // namespace

PackPlan plan_folder(const PackOptions& options) {
  PackPlan plan;
  plan.classes = given_classes(options);
  const auto splits = splits_in(options.root);
  if (splits.empty()) {
    plan.sets = divide(label_pictures(options.root, options, plan), options, options.shuffle);
    return plan;
  }
  require(options.split.empty() && options.train_ratio == 1.0 && options.chunks == 1, ErrorKind::kUsage,
          options.root.string(), " holds the split ", splits.front().folder,
          " already; --split, --train-ratio and --chunks cut a folder of classes");
  for (const auto& split : splits) {
    PackSet set = label_pictures(options.root / split.folder, options, plan);
    set.suffix = split.suffix;
    std::ranges::move(divide(set, options, options.shuffle), std::back_inserter(plan.sets));
  }
  return plan;
}

}  // namespace lockstep::data

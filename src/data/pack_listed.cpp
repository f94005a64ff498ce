#include <algorithm>

#include "class_names.h"
#include "listing.h"
#include "lockstep/core/error.h"
#include "manifest.h"
#include "pack_sets.h"
#include "python_random.h"

namespace lockstep::data {
namespace {

/// What is to be packed, with its labels as a Sample has them.
struct Listed {
  PackSet set;
  std::vector<std::string> class_names;
  bool is_multi_label = false;
  size_t classes = 0;
};

std::vector<float> labels_of(const Listing& listing, size_t i, size_t classes) {
  const auto carried = listing.labels_of(i);
  if (!listing.is_multi_label) return {static_cast<float>(carried.front())};
  std::vector<float> hot(classes, 0.0f);
  for (const uint32_t label : carried) hot[label] = 1;
  return hot;
}

Listed take(const Listing& listing) {
  Listed listed{.set = {.suffix = "", .root = listing.images, .entries = {}},
                .class_names = listing.class_names,
                .is_multi_label = listing.is_multi_label,
                .classes = listing.classes()};
  for (size_t i = 0; i < listing.size(); ++i)
    listed.set.entries.push_back(
        {.index = i, .labels = labels_of(listing, i, listed.classes), .path = listing.paths[i]});
  return listed;
}

/// A path below `root` relative to it; others absolute, which joined to any root stay what they are.
std::string path_below(const Path& picture, const Path& root) {
  const Path below = picture.lexically_relative(root);
  if (!below.empty() && *below.begin() != "..") return below.string();
  return std::filesystem::absolute(picture).lexically_normal().string();
}

Listed take_manifest(const PackOptions& options, PackPlan& plan) {
  Path root = options.root.empty() ? options.manifest.parent_path() : options.root;
  if (root.empty()) root = ".";
  DatasetOptions open{.s3_root = options.s3_root};
  if (!options.classes.empty()) open.classes = static_cast<int64_t>(given_classes(options).size());
  Manifest manifest(options.manifest, root, open);
  open.multi_label = manifest.holds_lists();
  if (open.multi_label) manifest = Manifest(options.manifest, root, open);

  Listed listed{.set = {.suffix = "", .root = root, .entries = {}},
                .class_names = manifest.class_names(),
                .is_multi_label = open.multi_label,
                .classes = open.multi_label ? static_cast<size_t>(manifest.label_width()) : 0};
  for (size_t i = 0; i < manifest.size(); ++i) {
    record::ListEntry entry{.index = i, .labels = {}, .path = ""};
    try {
      manifest.read_labels(i, entry.labels);
      entry.path = path_below(manifest.picture(i), root);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData || options.strict) throw;
      plan.unreadable.emplace_back(error.what());
      continue;
    }
    if (!open.multi_label) listed.classes = std::max(listed.classes, static_cast<size_t>(entry.labels.front()) + 1);
    listed.set.entries.push_back(std::move(entry));
  }
  return listed;
}

Listed read_listed(const PackOptions& options, PackPlan& plan) {
  if (!options.manifest.empty()) return take_manifest(options, plan);
  if (!options.labels.empty())
    return take(read_csv_listing(options.labels, options.root, given_classes(options), true));
  const auto categories = options.categories.empty() ? given_classes(options) : options.categories;
  return take(read_coco_listing(options.coco, options.root, categories, options.drop_without_category));
}

/// The labels of a manifest that names its classes become those of --classes.
void follow_given_classes(const std::vector<std::string>& given, const std::string& file, Listed& listed) {
  if (given.empty() || given == listed.class_names) return;
  require(listed.classes <= given.size() || !listed.class_names.empty(), ErrorKind::kData, file, ": labels of ",
          listed.classes, " classes, but --classes names ", given.size());
  std::vector<size_t> places;
  for (const auto& name : listed.class_names) places.push_back(find_class(given, name, file));
  for (auto& entry : listed.set.entries) {
    if (!listed.is_multi_label) {
      if (!places.empty()) entry.labels.front() = static_cast<float>(places[static_cast<size_t>(entry.labels.front())]);
      continue;
    }
    std::vector<float> hot(given.size(), 0.0f);
    for (size_t c = 0; c < entry.labels.size(); ++c) hot[places.empty() ? c : places[c]] = entry.labels[c];
    entry.labels = std::move(hot);
  }
  listed.class_names = given;
}

/// A .lst has no way to write a TAB or a line end in a name.
void leave_out_unlistable(PackSet& set, std::vector<std::string>& foreign) {
  std::erase_if(set.entries, [&](const record::ListEntry& entry) {
    if (entry.path.find_first_of("\t\n\r") == std::string::npos) return false;
    foreign.push_back(cat((set.root / entry.path).string(), ": a TAB or line end in the name, which no .lst can hold"));
    return true;
  });
}

}  // namespace

PackPlan plan_listed(const PackOptions& options) {
  PackPlan plan;
  Listed listed = read_listed(options, plan);
  const std::string file = cat(options.manifest.string(), options.labels.string(), options.coco.string());
  follow_given_classes(given_classes(options), file, listed);
  leave_out_unlistable(listed.set, plan.foreign);
  require(!listed.set.entries.empty(), ErrorKind::kData, file, " names no pictures that can be packed");
  plan.packed = listed.is_multi_label;
  plan.classes = std::move(listed.class_names);
  for (size_t label = plan.classes.size(); label < listed.classes; ++label)
    plan.classes.push_back(std::to_string(label));
  if (options.shuffle) python_shuffle(listed.set.entries, kIm2recSeed);
  plan.sets = divide(listed.set, options, options.shuffle);
  return plan;
}

}  // namespace lockstep::data

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "class_names.h"
#include "coco.h"
#include "formats.h"
#include "image_folder.h"
#include "listing.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

/// The categories of a file by id; the name of each is its own.
std::map<int64_t, std::string> names_by_id(const Coco& coco, const Path& file) {
  std::map<int64_t, std::string> names;
  std::set<std::string> seen;
  for (const auto& [id, name] : coco.categories) {
    require(names.emplace(id, name).second, ErrorKind::kData, file.string(), ": two categories have the id ", id);
    require(seen.insert(name).second, ErrorKind::kData, file.string(), ": two categories are called \"", name, "\"");
  }
  require(!names.empty(), ErrorKind::kData, file.string(), " has no categories");
  return names;
}

/// The wanted categories, in order: name, or number where no category is called like it.
std::vector<int64_t> select(const std::map<int64_t, std::string>& names, const std::vector<std::string>& wanted,
                            const Path& file) {
  std::vector<int64_t> ids;
  for (const auto& [id, name] : names)
    if (wanted.empty()) ids.push_back(id);
  std::vector<std::string> known;
  for (const auto& [id, name] : names) known.push_back(name);
  for (const auto& text : wanted) {
    const auto number = parse_integer(text);
    const bool is_id = number && names.contains(*number) && std::ranges::find(known, text) == known.end();
    const size_t place = is_id ? 0 : find_class(known, text, file.string());
    const int64_t id = is_id ? *number : std::next(names.begin(), static_cast<std::ptrdiff_t>(place))->first;
    require(std::ranges::find(ids, id) == ids.end(), ErrorKind::kUsage, "categories: ", text, " is named twice");
    ids.push_back(id);
  }
  return ids;
}

/// For each picture the labels that it carries, in the order of the file.
std::vector<std::vector<uint32_t>> labels_of_pictures(const Coco& coco, const std::map<int64_t, std::string>& names,
                                                      const std::vector<int64_t>& selected, const Path& file) {
  std::unordered_map<int64_t, size_t> pictures;
  for (size_t i = 0; i < coco.pictures.size(); ++i)
    require(pictures.emplace(coco.pictures[i].id, i).second, ErrorKind::kData, file.string(), ": images[", i,
            "]: the id ", coco.pictures[i].id, " is there already");
  std::map<int64_t, uint32_t> labels;
  for (size_t label = 0; label < selected.size(); ++label) labels[selected[label]] = static_cast<uint32_t>(label);
  std::vector<std::vector<uint32_t>> carried(coco.pictures.size());
  for (const auto& annotation : coco.annotations) {
    const auto picture = pictures.find(annotation.picture);
    require(picture != pictures.end(), ErrorKind::kData, file.string(), ": annotations[", annotation.number,
            "]: no image has the id ", annotation.picture);
    require(names.contains(annotation.category), ErrorKind::kData, file.string(), ": annotations[", annotation.number,
            "]: no category has the id ", annotation.category);
    if (const auto label = labels.find(annotation.category); label != labels.end()) {
      auto& all = carried[picture->second];
      if (std::ranges::find(all, label->second) == all.end()) all.push_back(label->second);
    }
  }
  return carried;
}

}  // namespace

Listing read_coco_listing(const Path& file, const Path& images, const std::vector<std::string>& categories,
                          bool drop_unlabelled) {
  Coco coco = read_coco(file);
  const auto names = names_by_id(coco, file);
  const auto selected = select(names, categories, file);
  auto labels = labels_of_pictures(coco, names, selected, file);
  Listing listing{.source = file, .is_multi_label = true};
  for (const int64_t id : selected) listing.class_names.push_back(names.at(id));
  for (size_t i = 0; i < coco.pictures.size(); ++i)
    if (!labels[i].empty() || !drop_unlabelled) listing.add(std::move(coco.pictures[i].file), std::move(labels[i]));
  require(listing.size() > 0, ErrorKind::kData, file.string(), ": no picture shows ", join(listing.class_names, ", "));
  listing.images = find_images(file, images, listing.paths);
  return listing;
}

bool is_coco(const DatasetOptions& options) { return is_listed_by(options, ".json"); }

std::unique_ptr<Dataset> open_coco(const DatasetOptions& options) {
  const ListingSource source = listing_source(options);
  const auto& categories = options.categories.empty() ? options.class_names : options.categories;
  return make_dataset(read_coco_listing(source.file, source.images, categories, options.drop_without_category),
                      options);
}

}  // namespace lockstep::data

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "class_names.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "pack_sets.h"

namespace lockstep::data {
namespace {

size_t largest_label(const std::vector<PackSet>& sets) {
  float most = 0;
  for (const auto& set : sets)
    for (const auto& entry : set.entries) most = std::max(most, *std::ranges::max_element(entry.labels));
  require(most < 1'000'000, ErrorKind::kData, most, " is no class id");
  return static_cast<size_t>(most);
}

/// Class ids in one column become a column for each class.
void spread_ids(std::vector<PackSet>& sets, size_t width) {
  for (auto& set : sets)
    for (auto& entry : set.entries) {
      std::vector<float> labels(width, 0);
      for (const float id : entry.labels) {
        require(id < static_cast<float>(width), ErrorKind::kData, entry.path, ": class id ", id,
                ", but --classes names ", width, " classes");
        labels[static_cast<size_t>(id)] = 1;
      }
      entry.labels = std::move(labels);
    }
}

/// The columns of labels, equal in all entries.
size_t label_columns(const std::vector<PackSet>& sets) {
  const size_t columns = sets.front().entries.front().labels.size();
  for (const auto& set : sets)
    for (const auto& entry : set.entries)
      require(entry.labels.size() == columns, ErrorKind::kData, entry.path, " (index ", entry.index, ") has ",
              entry.labels.size(), " labels, the first picture ", columns);
  return columns;
}

bool are_class_numbers(const std::vector<PackSet>& sets) {
  for (const auto& set : sets)
    for (const auto& entry : set.entries)
      if (entry.labels.front() < 0 || entry.labels.front() != std::floor(entry.labels.front())) return false;
  return true;
}

std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

/// The folder of each label's pictures, when labels and folders belong together one to one; otherwise the numbers.
std::vector<std::string> names_from_folders(const std::vector<PackSet>& sets, size_t count) {
  std::map<size_t, std::string> folders;
  for (const auto& set : sets)
    for (const auto& entry : set.entries) {
      const std::string folder = Path(entry.path).parent_path().string();
      const auto known = folders.try_emplace(static_cast<size_t>(entry.labels.front()), folder).first;
      if (folder.empty() || known->second != folder) return numbered(count);
    }
  std::vector<std::string> names;
  for (const auto& [label, folder] : folders) names.push_back(folder);
  const bool one_to_one = names.size() == count && std::set(names.begin(), names.end()).size() == count;
  return one_to_one ? names : numbered(count);
}

/// `count` names for the labels of the first list: those of --classes, or of the .classes beside it when that fits, or
/// from the folders.
std::vector<std::string> names_of(const PackPlan& plan, const Path& first_list, size_t count) {
  const auto fits = [&](const std::vector<std::string>& names) {
    return plan.packed ? names.size() == count : names.size() >= count;
  };
  if (!plan.classes.empty()) {
    require(fits(plan.classes), ErrorKind::kData, first_list.string(), ": labels of ", count,
            " classes, but --classes names ", plan.classes.size());
    return plan.classes;
  }
  const auto beside = class_names_beside(first_list);
  if (!beside.empty() && fits(beside)) return beside;
  if (!beside.empty())
    log::warning(first_list.string(), ": the .classes beside it names ", beside.size(), " classes, the labels have ",
                 count, "; it is not used");
  return plan.packed ? numbered(count) : names_from_folders(plan.sets, count);
}

void name_classes(PackPlan& plan, const Path& first_list, size_t columns) {
  if (plan.packed || are_class_numbers(plan.sets)) {
    plan.classes = names_of(plan, first_list, plan.packed ? columns : largest_label(plan.sets) + 1);
  } else {
    plan.classes.clear();
    log::warning(first_list.string(), ": the labels are no class numbers; no .classes is written");
  }
}

/// The part of a list's name that comes after the prefix's.
std::string suffix_of(const Path& list, const Path& prefix) {
  return list.stem().string().substr(prefix.filename().string().size());
}

bool is_same_file(const Path& a, const Path& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error);
}

}  // namespace

std::vector<Path> lists_of_prefix(const Path& prefix) {
  const Path folder = prefix.has_parent_path() ? prefix.parent_path() : Path(".");
  std::vector<Path> lists;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(prefix.filename().string()) && name.ends_with(".lst"))
      lists.push_back(prefix.parent_path() / name);
  }
  std::ranges::sort(lists);
  return lists;
}

PackPlan plan_lists(const PackOptions& options) {
  const auto paths = options.existing_lists ? lists_of_prefix(options.prefix) : std::vector<Path>{options.from_list};
  if (options.existing_lists)
    log::info("packing the pictures of ", join(std::vector<std::string>(paths.begin(), paths.end()), ", "));
  PackPlan plan;
  plan.classes = given_classes(options);
  bool ids = false;
  for (const auto& path : paths) {
    record::List list = record::read_list(path);
    if (list.entries.empty()) {
      log::warning(path.string(), " names no pictures; nothing is made of it");
      continue;
    }
    ids |= list.class_ids;
    plan.sets.push_back({.suffix = options.existing_lists ? suffix_of(path, options.prefix) : "",
                         .root = options.root,
                         .entries = std::move(list.entries),
                         .list_exists = options.existing_lists});
  }
  require(!plan.sets.empty(), ErrorKind::kData, paths.front().string(), " names no pictures");
  if (ids) spread_ids(plan.sets, plan.classes.empty() ? largest_label(plan.sets) + 1 : plan.classes.size());
  const size_t columns = label_columns(plan.sets);
  plan.packed = ids || (columns > 1 && (options.pack_label || !options.existing_lists));
  if (columns > 1 && !plan.packed)
    log::warning(paths.front().string(), ": ", columns,
                 " labels a picture, of which im2rec's default keeps the first; --pack-label keeps all");
  name_classes(plan, paths.front(), columns);
  if (options.existing_lists) return plan;
  plan.sets = divide(plan.sets.front(), options, false);
  for (auto& set : plan.sets)
    set.list_exists = is_same_file(options.from_list, options.prefix.string() + set.suffix + ".lst");
  return plan;
}

}  // namespace lockstep::data

#include "pack_sets.h"

#include <algorithm>

#include "class_names.h"
#include "lockstep/core/error.h"

namespace lockstep::data {

std::vector<std::string> given_classes(const PackOptions& options) {
  return options.classes.empty() ? std::vector<std::string>() : read_class_names(options.classes);
}

std::vector<int64_t> count_classes(const std::vector<record::ListEntry>& entries, size_t classes, bool packed) {
  std::vector<int64_t> counts(classes, 0);
  for (const auto& entry : entries) {
    if (!packed) {
      const float label = entry.labels.front();
      if (label >= 0 && label < static_cast<float>(classes)) ++counts[static_cast<size_t>(label)];
      continue;
    }
    for (size_t i = 0; i < std::min(classes, entry.labels.size()); ++i) counts[i] += entry.labels[i] > 0.5f;
  }
  return counts;
}

PackPlan plan_pack(const PackOptions& options) {
  const bool second_step = options.existing_lists && !lists_of_prefix(options.prefix).empty();
  if (second_step || !options.from_list.empty()) return plan_lists(options);
  if (!options.labels.empty() || !options.coco.empty() || !options.manifest.empty()) return plan_listed(options);
  return plan_folder(options);
}

}  // namespace lockstep::data

#include "label_rule.h"

#include <cmath>
#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"

namespace lockstep::data {
namespace {

/// Whole numbers above are not exact in 32-bit floats, which is what labels are stored as.
constexpr float kMostClasses = 16'777'216;

bool is_class_number(float label) { return label >= 0 && label < kMostClasses && label == std::floor(label); }

}  // namespace

LabelForm label_form(const DatasetOptions& options, bool ids_likely) {
  if (!options.multi_label) return LabelForm::kClass;
  const Channel& channel = options.channel;
  if (channel.label_format == "class-id") return LabelForm::kClassIds;
  if (channel.label_format == "multi-hot") return LabelForm::kMultiHot;
  // SageMaker says it as a parameter of the content type: "application/x-recordio; label-format=class-id".
  if (channel.content_type.find("label-format=class-id") != std::string::npos) return LabelForm::kClassIds;
  if (channel.content_type.find("label-format=multi-hot") != std::string::npos) return LabelForm::kMultiHot;
  return ids_likely ? LabelForm::kClassIds : LabelForm::kMultiHot;
}

std::string LabelRule::apply(std::vector<float>& labels, const std::string& source) const {
  switch (form_) {
    case LabelForm::kClass:
      return check_class(labels);
    case LabelForm::kMultiHot:
      return make_binary(labels, source);
    case LabelForm::kClassIds:
      return spread_ids(labels);
  }
  return {};
}

std::string LabelRule::check_class(const std::vector<float>& labels) const {
  if (labels.size() != 1)
    return cat(labels.size(),
               " labels where one class number is expected; data with several labels a sample need "
               "hyperparameters.multi_label: true");
  const float label = labels.front();
  if (!is_class_number(label)) return cat("label ", label, " is no class number: they are whole numbers from 0");
  if (classes_ > 0 && label >= static_cast<float>(classes_))
    return cat("label ", label, " is beyond the ", classes_, " classes that are named, which are numbered from 0");
  return {};
}

std::string LabelRule::make_binary(std::vector<float>& labels, const std::string& source) const {
  if (labels.size() != static_cast<size_t>(width_))
    return cat(labels.size(), " labels where the first sample has ", width_,
               "; multi-label data have a column for each label");
  bool binary = true;
  for (float& label : labels) {
    if (!std::isfinite(label) || label < 0) return cat("label ", label, " is neither 0 nor 1");
    if (label == 0 || label == 1) continue;
    if (std::exchange(binary, false) && !warned_.exchange(true))
      log::warning(source, ": label ", label,
                   " is neither 0 nor 1; values above 0.5 count as 1, the others as 0 (said once)");
    label = label > 0.5f ? 1 : 0;
  }
  return {};
}

std::string LabelRule::spread_ids(std::vector<float>& labels) const {
  std::vector<float> hot(static_cast<size_t>(width_), 0.0f);
  for (const float id : labels) {
    if (!is_class_number(id) || id >= static_cast<float>(width_))
      return cat("label ", id, " is none of the class ids 0 to ", width_ - 1);
    hot[static_cast<size_t>(id)] = 1;
  }
  labels.swap(hot);
  return {};
}

}  // namespace lockstep::data

#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// How the labels of a format are written down.
enum class LabelForm {
  kClass,     ///< one class number
  kMultiHot,  ///< one column a label
  kClassIds   ///< the numbers of the labels that a sample carries
};
/// `ids_likely`: the data look like class ids; decides only where channel.label_format is auto.
LabelForm label_form(const DatasetOptions& options, bool ids_likely);

/// What the labels of a sample may be, and what they become. Any thread.
class LabelRule {
 public:
  /// `width`: numbers a sample in the end (kClass: 1). `classes`: kClass only, numbers from there on are refused; 0:
  /// unknown.
  LabelRule(LabelForm form, int width, int64_t classes) : form_(form), width_(width), classes_(classes) {}

  /// Turns the labels as they are written into those of a Sample. Returns what is wrong with them, or nothing.
  /// The first multi-hot value that is neither 0 nor 1 is logged with `source`.
  std::string apply(std::vector<float>& labels, const std::string& source) const;

 private:
  std::string check_class(const std::vector<float>& labels) const;
  std::string make_binary(std::vector<float>& labels, const std::string& source) const;
  std::string spread_ids(std::vector<float>& labels) const;

  LabelForm form_;
  int width_;
  int64_t classes_;
  mutable std::atomic<bool> warned_{false};
};

}  // namespace lockstep::data

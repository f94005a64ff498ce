#include <algorithm>
#include <array>
#include <optional>

#include "class_names.h"
#include "formats.h"
#include "label_rule.h"
#include "listing.h"
#include "lockstep/core/error.h"
#include "lockstep/record/list.h"
#include "missing_path.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

/// The list of a channel, and the folder that its paths are relative to.
ListingSource find_source(const DatasetOptions& options) {
  ListingSource source = listing_source(options);
  if (source.images.empty()) source.images = source.file.parent_path();
  return source;
}

/// A list with a single column of labels holds class ids when there are several classes.
bool looks_like_ids(const record::List& list, int64_t classes) {
  if (list.class_ids) return true;
  return classes > 1 && std::ranges::all_of(list.entries, [](const auto& entry) { return entry.labels.size() == 1; });
}

class ListDataset : public Dataset {
 public:
  explicit ListDataset(const DatasetOptions& options) : source_(find_source(options)) {
    record::List list = record::read_list(source_.file);
    require(!list.entries.empty(), ErrorKind::kData, source_.file.string(), " names no images");
    class_names_ = class_names_beside(source_.file);
    const LabelForm form = label_form(options, looks_like_ids(list, options.classes));
    entries_ = std::move(list.entries);
    label_width_ = find_label_width(form, options.classes);
    rule_.emplace(form, label_width_, static_cast<int64_t>(class_names_.size()));
    require_first_image();
  }

  size_t size() const override { return entries_.size(); }

  void read(size_t i, Sample& sample) const override {
    read_labels(i, sample.labels);
    read_picture(path_of(i), sample);
  }

  void read_labels(size_t i, std::vector<float>& labels) const override {
    const auto& entry = entries_.at(i);
    labels = entry.labels;
    const std::string problem = rule_->apply(labels, source_.file.string());
    if (!problem.empty())
      fail(ErrorKind::kData, source_.file.string(), " entry ", i, " (id ", entry.index, ", ", entry.path,
           "): ", problem);
  }

  uint64_t picture_bytes(size_t i) const override { return picture_size(path_of(i)); }
  void will_read(size_t i) const override { ask_for_picture(path_of(i)); }

 private:
  Path path_of(size_t i) const { return source_.images / entries_.at(i).path; }

  int find_label_width(LabelForm form, int64_t classes) const {
    if (form == LabelForm::kClass) return 1;
    if (form == LabelForm::kMultiHot) return static_cast<int>(entries_.front().labels.size());
    if (classes > 0) return static_cast<int>(classes);
    float most = 0;
    for (const auto& entry : entries_)
      for (const float id : entry.labels) most = std::max(most, id);
    require(most < 1'000'000, ErrorKind::kData, source_.file.string(), ": ", most, " is no class id");
    return static_cast<int>(most) + 1;
  }

  /// A wrong root would otherwise be found only when training begins.
  void require_first_image() const {
    const Path first = path_of(0);
    std::error_code error;
    if (std::filesystem::exists(first, error)) return;
    fail(ErrorKind::kData, "the first image of ", source_.file.string(), " is missing: ", describe_missing(first));
  }

  ListingSource source_;
  std::vector<record::ListEntry> entries_;
  std::optional<LabelRule> rule_;
};

}  // namespace

/// What is said to be a list is one, unless its name says that it is of another kind.
bool is_list(const DatasetOptions& options) {
  if (is_listed_by(options, ".lst")) return true;
  if (!options.list.given()) return false;
  return std::ranges::none_of(std::array{".csv", ".json", ".jsonl", ".ndjson", ".manifest"},
                              [&](const char* extension) { return is_listed_by(options, extension); });
}

std::unique_ptr<Dataset> open_list(const DatasetOptions& options) { return std::make_unique<ListDataset>(options); }

}  // namespace lockstep::data

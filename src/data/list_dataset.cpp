#include <algorithm>
#include <optional>

#include "class_names.h"
#include "formats.h"
#include "label_rule.h"
#include "lockstep/core/error.h"
#include "lockstep/record/list.h"
#include "missing_path.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

bool is_list_file(const Path& path) { return lower(path.extension().string()) == ".lst"; }

/// The list of a channel that has one, and the folder that its paths are relative to.
struct Source {
  Path list, images;
};

Source find_source(const DatasetOptions& options) {
  const std::string channel = "channels." + options.role;
  require(options.channel.paths.size() == 1, ErrorKind::kUsage, channel, ": ", join(options.channel.paths, ", "),
          " are several paths; a list goes with one folder");
  const Path path = options.channel.paths.front();
  if (!options.list.given()) return {path, path.parent_path()};
  require(options.list.paths.size() == 1, ErrorKind::kUsage, channel, "_lst: ", join(options.list.paths, ", "),
          " are several paths; exactly one .lst is expected");
  require(std::filesystem::is_directory(path), ErrorKind::kUsage, channel, ": ", path.string(),
          " is not a folder; with ", channel, "_lst it is the folder that the paths of the list are relative to");
  return {options.list.paths.front(), path};
}

/// A list with a single column of labels holds class ids when there are several classes.
bool looks_like_ids(const record::List& list, int64_t classes) {
  if (list.class_ids) return true;
  return classes > 1 && std::ranges::all_of(list.entries, [](const auto& entry) { return entry.labels.size() == 1; });
}

class ListDataset : public Dataset {
 public:
  explicit ListDataset(const DatasetOptions& options) : source_(find_source(options)) {
    record::List list = record::read_list(source_.list);
    require(!list.entries.empty(), ErrorKind::kData, source_.list.string(), " names no images");
    class_names_ = class_names_beside(source_.list);
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
    const std::string problem = rule_->apply(labels, source_.list.string());
    if (!problem.empty())
      fail(ErrorKind::kData, source_.list.string(), " entry ", i, " (id ", entry.index, ", ", entry.path,
           "): ", problem);
  }

  uint64_t picture_bytes(size_t i) const override { return picture_size(path_of(i)); }

 private:
  Path path_of(size_t i) const { return source_.images / entries_.at(i).path; }

  int find_label_width(LabelForm form, int64_t classes) const {
    if (form == LabelForm::kClass) return 1;
    if (form == LabelForm::kMultiHot) return static_cast<int>(entries_.front().labels.size());
    if (classes > 0) return static_cast<int>(classes);
    float most = 0;
    for (const auto& entry : entries_)
      for (const float id : entry.labels) most = std::max(most, id);
    require(most < 1'000'000, ErrorKind::kData, source_.list.string(), ": ", most, " is no class id");
    return static_cast<int>(most) + 1;
  }

  /// A wrong root would otherwise be found only when training begins.
  void require_first_image() const {
    const Path first = path_of(0);
    std::error_code error;
    if (std::filesystem::exists(first, error)) return;
    fail(ErrorKind::kData, "the first image of ", source_.list.string(), " is missing: ", describe_missing(first));
  }

  Source source_;
  std::vector<record::ListEntry> entries_;
  std::optional<LabelRule> rule_;
};

}  // namespace

bool is_list(const DatasetOptions& options) {
  return options.list.given() ||
         std::ranges::all_of(options.channel.paths, [](const Path& path) { return is_list_file(path); });
}

std::unique_ptr<Dataset> open_list(const DatasetOptions& options) { return std::make_unique<ListDataset>(options); }

}  // namespace lockstep::data

#include "manifest.h"

#include <algorithm>
#include <map>
#include <optional>

#include "content_type.h"
#include "lockstep/core/error.h"
#include "picture_address.h"

namespace lockstep::data {
namespace {

bool repeats(std::vector<float> labels) {
  std::ranges::sort(labels);
  return std::ranges::adjacent_find(labels) != labels.end();
}

/// The name of every label up to the largest that has one or occurs: told by the manifest, otherwise the next of
/// `known` that no other label has, otherwise its number.
std::vector<std::string> complete_names(const std::map<uint32_t, std::string>& told, uint32_t labels,
                                        const std::vector<std::string>& known) {
  std::vector<std::string> names(std::max(labels, told.empty() ? 0 : told.rbegin()->first + 1));
  for (const auto& [label, name] : told) names[label] = name;
  std::vector<std::string> free;
  for (const auto& name : known)
    if (std::ranges::find(names, name) == names.end()) free.push_back(name);
  auto next = free.begin();
  for (size_t label = 0; label < names.size(); ++label)
    if (names[label].empty()) names[label] = next != free.end() ? *next++ : std::to_string(label);
  return names;
}

}  // namespace

bool looks_like_manifest(const Path& path) {
  constexpr size_t kSniffed = 4096;
  const std::string extension = lower(path.extension().string());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  if (extension != ".json") return extension == ".manifest" || extension == ".jsonl" || extension == ".ndjson";
  const MappedFile file(path);
  const std::string_view whole(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  const auto beginning = whole.substr(0, std::min({kSniffed, whole.size(), whole.find("\"images\"")}));
  return beginning.find("-ref\"") != std::string_view::npos;
}

/// What all good lines together say.
struct Manifest::Facts {
  bool lists = false, class_map = false, repeated = false, equal_lengths = true;
  size_t length = 0;  // of the first line's labels
  float most = 0;     // the largest label
  std::map<uint32_t, std::string> names;
  size_t good = 0;
  std::optional<Error> first_error;

  void add(const ManifestLine& line) {
    if (good++ == 0) {
      lists = line.is_list;
      length = line.labels.size();
    }
    class_map |= line.has_class_map;
    equal_lengths &= line.labels.size() == length;
    repeated |= repeats(line.labels);
    for (const float label : line.labels) most = std::max(most, label);
  }

  /// Class ids never repeat in a list and need not be equally many; multi-hot lists are the usual form otherwise.
  bool are_ids_likely() const {
    if (class_map || !lists || !equal_lengths) return true;
    return !repeated && most > 1;
  }
};

Manifest::Manifest(const Path& file, const Path& images, const DatasetOptions& options)
    : file_(file), images_(images), s3_root_(options.s3_root) {
  find_lines();
  require(!lines_.empty(), ErrorKind::kData, file.string(), " holds no lines");
  attributes_ = attributes_of(options);
  const Facts facts = survey_lines();
  if (facts.good == 0) throw *facts.first_error;
  holds_lists_ = facts.lists;
  constexpr float kMostClasses = 1'000'000;
  require(facts.most < kMostClasses, ErrorKind::kData, file.string(), ": ", facts.most, " is no class id");
  const LabelForm form = label_form(options, facts.are_ids_likely());
  const uint32_t labels =
      form == LabelForm::kMultiHot ? static_cast<uint32_t>(facts.length) : static_cast<uint32_t>(facts.most) + 1;
  if (!facts.names.empty()) class_names_ = complete_names(facts.names, labels, options.class_names);
  if (form != LabelForm::kClass) label_width_ = static_cast<int>(std::max<size_t>(labels, class_names_.size()));
  if (form == LabelForm::kClassIds && class_names_.empty())
    label_width_ = std::max(label_width_, static_cast<int>(options.classes));
  rule_ = std::make_unique<LabelRule>(form, label_width_, static_cast<int64_t>(class_names_.size()));
}

void Manifest::find_lines() {
  const std::string_view whole(reinterpret_cast<const char*>(file_.bytes().data()), file_.size());
  size_t at = whole.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (size_t number = 1; at < whole.size(); ++number) {
    const size_t end = std::min(whole.find('\n', at), whole.size());
    if (whole.substr(at, end - at).find_first_not_of(" \t\r") < end - at) lines_.push_back({at, number});
    at = end + 1;
  }
}

std::string_view Manifest::text(size_t i) const {
  require(i < size(), ErrorKind::kBug, "there is no line ", i, " of ", size());
  const std::string_view rest(reinterpret_cast<const char*>(file_.bytes().data()) + lines_[i].begin,
                              file_.size() - lines_[i].begin);
  return trim(rest.substr(0, rest.find('\n')));
}

std::string Manifest::place(size_t i) const { return cat(file_.path().string(), ":", lines_[i].number); }

ManifestLine Manifest::line(size_t i) const try {
  return read_manifest_line(text(i), attributes_);
} catch (const Error& error) {
  fail(error.kind(), place(i), ": ", error.what());
}

ManifestAttributes Manifest::attributes_of(const DatasetOptions& options) const {
  const auto named = split(content_parameter(options.channel.content_type, "attribute-names"), ',');
  const ManifestAttributes given{.picture = std::string(trim(named.front())),
                                 .label = named.size() > 1 ? std::string(trim(named[1])) : ""};
  std::optional<Error> first_error;
  for (size_t i = 0; i < size(); ++i) {
    try {
      return find_attributes(text(i), given);
    } catch (const Error& error) {
      if (!first_error) first_error.emplace(error.kind(), cat(place(i), ": ", error.what()));
    }
  }
  throw *first_error;
}

Manifest::Facts Manifest::survey_lines() const {
  Facts facts;
  for (size_t i = 0; i < size(); ++i) {
    ManifestLine each;
    try {
      each = line(i);
      if (facts.good == 0) find_picture(each.picture, images_, s3_root_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) fail(error.kind(), place(i), ": ", error.what());
      if (!facts.first_error) facts.first_error = error;
      continue;
    }
    facts.add(each);
    for (const auto& [label, name] : each.class_names) {
      const auto& known = facts.names.try_emplace(label, name).first->second;
      require(known == name, ErrorKind::kData, place(i), ": the class ", label, " is called \"", name, "\", and \"",
              known, "\" in a line before");
    }
  }
  return facts;
}

void Manifest::read_labels(size_t i, std::vector<float>& labels) const {
  labels = line(i).labels;
  const std::string problem = rule_->apply(labels, file_.path().string());
  if (!problem.empty()) fail(ErrorKind::kData, place(i), ": ", problem);
}

Path Manifest::picture(size_t i) const {
  const ManifestLine read = line(i);
  try {
    return find_picture(read.picture, images_, s3_root_);
  } catch (const Error& error) {
    fail(error.kind(), place(i), ": ", error.what());
  }
}

}  // namespace lockstep::data

#include "manifest.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <thread>

#include "content_type.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
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

/// Said by the channel of the manifest or that of the pictures, or as a parameter of the content type.
std::vector<std::string> attribute_names(const DatasetOptions& options) {
  if (!options.list.attribute_names.empty()) return options.list.attribute_names;
  if (!options.channel.attribute_names.empty()) return options.channel.attribute_names;
  std::vector<std::string> names;
  for (const auto& name : split(content_parameter(options.channel.content_type, "attribute-names"), ','))
    names.emplace_back(trim(name));
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

/// What the good lines of a range together say.
struct Manifest::Facts {
  bool lists = false, class_map = false, repeated = false, equal_lengths = true;
  size_t length = 0;                                         // of the first line's labels
  float most = 0;                                            // the largest label
  std::map<std::pair<uint32_t, std::string>, size_t> names;  // of labels, and the line that says it first
  size_t good = 0;
  std::optional<Error> first_error;
  std::vector<float> labels;

  void add(const ManifestLine& line, size_t i) {
    if (good++ == 0) {
      lists = line.is_list;
      length = line.labels.size();
    }
    class_map |= line.has_class_map;
    equal_lengths &= line.labels.size() == length;
    repeated |= repeats(line.labels);
    for (const float label : line.labels) most = std::max(most, label);
    for (const auto& name : line.class_names) names.try_emplace(name, i);
  }

  /// Of the lines behind these.
  void append(Facts&& later) {
    if (!first_error) first_error = std::move(later.first_error);
    names.merge(later.names);
    if (later.good == 0) return;
    if (good == 0) {
      lists = later.lists;
      length = later.length;
    }
    good += later.good;
    class_map |= later.class_map;
    equal_lengths &= later.equal_lengths && later.length == length;
    repeated |= later.repeated;
    most = std::max(most, later.most);
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
  require_a_picture();
  holds_lists_ = facts.lists;
  constexpr float kMostClasses = 1'000'000;
  require(facts.most < kMostClasses, ErrorKind::kData, file.string(), ": ", facts.most, " is no class id");
  const LabelForm form = label_form(options, facts.are_ids_likely());
  const uint32_t labels =
      form == LabelForm::kMultiHot ? static_cast<uint32_t>(facts.length) : static_cast<uint32_t>(facts.most) + 1;
  if (!facts.names.empty()) class_names_ = complete_names(names_of(facts), labels, options.class_names);
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
  const auto named = attribute_names(options);
  const ManifestAttributes given{.picture = named.empty() ? "" : named.front(),
                                 .label = named.size() > 1 ? named[1] : ""};
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

Manifest::Facts Manifest::survey_lines() {
  constexpr size_t kLinesOfAThread = 4096;
  const int threads = std::clamp(static_cast<int>(size() / kLinesOfAThread), 1, available_cores());
  std::vector<Facts> parts(static_cast<size_t>(threads));
  std::vector<std::exception_ptr> errors(parts.size());
  const auto range_of = [&](size_t part) {
    return share(static_cast<int64_t>(size()), static_cast<int>(part), threads);
  };
  {
    std::vector<std::jthread> workers;
    for (size_t part = 0; part < parts.size(); ++part)
      workers.emplace_back([&, part] {
        try {
          survey_range(range_of(part), parts[part]);
        } catch (...) {
          errors[part] = std::current_exception();
        }
      });
  }
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  Facts all;
  for (size_t part = 0; part < parts.size(); ++part) {
    const Range range = range_of(part);
    for (int64_t i = range.begin; i < range.end; ++i) lines_[static_cast<size_t>(i)].labels_end += labels_.size();
    labels_.insert(labels_.end(), parts[part].labels.begin(), parts[part].labels.end());
    all.append(std::move(parts[part]));
  }
  return all;
}

void Manifest::survey_range(const Range& range, Facts& facts) {
  for (int64_t number = range.begin; number < range.end; ++number) {
    const auto i = static_cast<size_t>(number);
    try {
      const ManifestLine read = line(i);
      facts.add(read, i);
      keep(lines_[i], read, facts);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
      if (!facts.first_error) facts.first_error = error;
    }
    lines_[i].labels_end = facts.labels.size();
  }
}

void Manifest::keep(Line& line, const ManifestLine& read, Facts& facts) const {
  line.is_good = true;
  facts.labels.insert(facts.labels.end(), read.labels.begin(), read.labels.end());
  const size_t begin = text(static_cast<size_t>(&line - lines_.data())).find('"' + read.picture + '"');
  if (begin == std::string_view::npos) return;
  line.picture_begin = static_cast<uint32_t>(begin + 1);
  line.picture_size = static_cast<uint32_t>(read.picture.size());
}

std::map<uint32_t, std::string> Manifest::names_of(const Facts& facts) const {
  std::vector<std::pair<size_t, std::pair<uint32_t, std::string>>> by_line;
  for (const auto& [name, line] : facts.names) by_line.emplace_back(line, name);
  std::ranges::sort(by_line);
  std::map<uint32_t, std::string> names;
  for (const auto& [line, said] : by_line) {
    const auto& known = names.emplace(said).first->second;
    require(known == said.second, ErrorKind::kData, place(line), ": the class ", said.first, " is called \"",
            said.second, "\", and \"", known, "\" in a line before");
  }
  return names;
}

void Manifest::require_a_picture() const {
  std::optional<Error> first_error;
  for (size_t i = 0; i < size(); ++i) try {
      picture(i);
      return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
      if (!first_error) first_error = error;
    }
  throw *first_error;
}

void Manifest::read_labels(size_t i, std::vector<float>& labels) const {
  require(i < size(), ErrorKind::kBug, "there is no line ", i, " of ", size());
  if (!lines_[i].is_good) line(i);  // says why
  const auto begin = static_cast<ptrdiff_t>(i == 0 ? 0 : lines_[i - 1].labels_end);
  labels.assign(labels_.begin() + begin, labels_.begin() + static_cast<ptrdiff_t>(lines_[i].labels_end));
  const std::string problem = rule_->apply(labels, file_.path().string());
  if (!problem.empty()) fail(ErrorKind::kData, place(i), ": ", problem);
}

Path Manifest::picture(size_t i) const {
  const std::string_view whole = text(i);
  const Line& kept = lines_[i];
  const std::string address =
      kept.picture_size > 0 ? std::string(whole.substr(kept.picture_begin, kept.picture_size)) : line(i).picture;
  try {
    return find_picture(address, images_, s3_root_);
  } catch (const Error& error) {
    fail(error.kind(), place(i), ": ", error.what());
  }
}

}  // namespace lockstep::data

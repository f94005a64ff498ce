#include "manifest_line.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

using nlohmann::json;

constexpr size_t kLongestLine = 1 << 20;
constexpr int kDeepest = 32;
constexpr uint32_t kMostClasses = 1'000'000;
constexpr std::string_view kMetadata = "-metadata";

/// JSON that came from outside: bounded in length and depth, no key twice.
json parse(std::string_view line) {
  require(line.size() <= kLongestLine, ErrorKind::kData, "a line of ", line.size(), " bytes; ", kLongestLine,
          " are the most");
  // The parser would take a zero byte for the end of the text.
  require(line.find('\0') == std::string_view::npos, ErrorKind::kData, "not JSON: a zero byte");
  std::set<std::string> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    require(depth <= kDeepest, ErrorKind::kData, "JSON nested deeper than ", kDeepest, " levels");
    if (event == json::parse_event_t::key && depth == 1)
      require(keys.insert(parsed.get<std::string>()).second, ErrorKind::kData, "the key ", parsed.dump(),
              " stands twice");
    return true;
  };
  try {
    json object = json::parse(line, watch);
    require(object.is_object(), ErrorKind::kData, "no JSON object; expected is {\"source-ref\": ..., \"class\": ...}");
    return object;
  } catch (const json::parse_error& error) {
    fail(ErrorKind::kData, "column ", error.byte, ": not JSON: ", error.what());
  } catch (const json::exception& error) {  // a number that is too large
    fail(ErrorKind::kData, "not JSON: ", error.what());
  }
}

/// Names come from outside; they are shown, not trusted.
std::string shown(const std::vector<std::string>& names) { return names.empty() ? "none" : join(names, ", "); }

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

std::string find_picture_attribute(const json& object) {
  std::vector<std::string> references;
  for (auto& key : keys_of(object))
    if (key.ends_with("-ref")) references.push_back(std::move(key));
  for (const char* usual : {"source-ref", "image-ref"})
    if (std::ranges::find(references, usual) != references.end()) return usual;
  if (references.size() == 1) return references.front();
  fail(ErrorKind::kData,
       references.empty() ? "no attribute ends in -ref and names a picture; there are: "
                          : "several attributes end in -ref; say which is the picture by the channel's "
                            "attribute_names: [PICTURE, LABEL]; there are: ",
       shown(references.empty() ? keys_of(object) : references));
}

bool is_of_image_classification(const json& object, const std::string& key) {
  const json& metadata = object.at(key + std::string(kMetadata));
  if (!metadata.is_object() || !metadata.contains("type") || !metadata["type"].is_string()) return false;
  return metadata["type"].get_ref<const std::string&>().starts_with("groundtruth/image-classification");
}

std::string find_label_attribute(const json& object, const std::string& picture) {
  std::vector<std::string> others, with_metadata, of_ground_truth;
  for (auto& key : keys_of(object)) {
    if (key == picture || key.ends_with("-ref") || key.ends_with(kMetadata)) continue;
    others.push_back(key);
    if (!object.contains(key + std::string(kMetadata))) continue;
    with_metadata.push_back(key);
    if (is_of_image_classification(object, key)) of_ground_truth.push_back(key);
  }
  for (const auto& found : {of_ground_truth, with_metadata, others})
    if (found.size() == 1) return found.front();
  fail(ErrorKind::kData,
       "the label is not clear; say which it is by the channel's attribute_names: [PICTURE, LABEL]; there are: ",
       shown(others));
}

float read_number(const json& value) {
  if (value.is_number()) return value.get<float>();
  const auto number = value.is_string() ? parse_number(trim(value.get_ref<const std::string&>())) : std::nullopt;
  require(number.has_value(), ErrorKind::kData, "the label ", value.dump(-1, ' ', true).substr(0, 80),
          " is no class number; expected is a number, a list of numbers, or a text of either");
  return static_cast<float>(*number);
}

/// "[0, 2]" -> the list in it; everything else as it is.
json unwrapped(const json& value) {
  if (!value.is_string()) return value;
  const auto text = trim(value.get_ref<const std::string&>());
  if (!text.starts_with('[')) return value;
  json list = json::parse(text, nullptr, false);
  return list.is_array() ? list : value;
}

void read_labels(const json& written, ManifestLine& line) {
  const json value = unwrapped(written);
  line.is_list = value.is_array();
  if (!line.is_list) {
    line.labels.push_back(read_number(value));
    return;
  }
  for (const json& item : value) line.labels.push_back(read_number(item));
}

void add_name(float label, const json& name, ManifestLine& line) {
  if (!name.is_string() || !(label >= 0 && label < kMostClasses) || label != std::floor(label)) return;
  line.class_names.emplace_back(static_cast<uint32_t>(label), name.get<std::string>());
}

/// What the metadata say in another form than Ground Truth's is none of our business.
void read_metadata(const json& metadata, ManifestLine& line) {
  if (!metadata.is_object()) return;
  if (const auto name = metadata.find("class-name"); name != metadata.end() && line.labels.size() == 1)
    add_name(line.labels.front(), *name, line);
  const auto map = metadata.find("class-map");
  if (map == metadata.end() || !map->is_object()) return;
  line.has_class_map = true;
  for (const auto& item : map->items())
    if (const auto id = parse_integer(item.key()); id && *id >= 0 && *id < kMostClasses)
      add_name(static_cast<float>(*id), item.value(), line);
}

const json& attribute(const json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found != object.end()) return *found;
  const auto keys = keys_of(object);
  const std::string close = nearest(name, keys);
  fail(ErrorKind::kData, "the attribute ", name, " is missing; there are: ", shown(keys),
       close.empty() ? "" : cat("; did you mean ", close, "?"));
}

}  // namespace

ManifestAttributes find_attributes(std::string_view line, const ManifestAttributes& named) {
  const json object = parse(line);
  ManifestAttributes attributes = named;
  if (attributes.picture.empty()) attributes.picture = find_picture_attribute(object);
  if (attributes.label.empty()) attributes.label = find_label_attribute(object, attributes.picture);
  return attributes;
}

ManifestLine read_manifest_line(std::string_view line, const ManifestAttributes& attributes) {
  const json object = parse(line);
  const json& picture = attribute(object, attributes.picture);
  require(picture.is_string(), ErrorKind::kData, "the attribute ", attributes.picture, " is no text");
  ManifestLine read{.picture = picture.get<std::string>()};
  read_labels(attribute(object, attributes.label), read);
  if (const auto metadata = object.find(attributes.label + std::string(kMetadata)); metadata != object.end())
    read_metadata(*metadata, read);
  return read;
}

}  // namespace lockstep::data

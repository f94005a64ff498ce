#include <algorithm>

#include <nlohmann/json.hpp>

#include "keys.h"
#include "lockstep/config/load.h"
#include "lockstep/core/text.h"
#include "value.h"

namespace lockstep {

namespace {

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.';
}

// A JSON string is also a YAML string; words that mean nothing to YAML may stand as they are.
std::string quoted(const std::string& text) {
  const std::string word = lower(text);
  const bool has_meaning = word == "null" || word == "true" || word == "false" || word == "yes" || word == "no" ||
                           word == "on" || word == "off" || parse_number(text);
  const auto is_plain = [](char c) { return is_plain_character(c) || c == '-'; };
  if (!text.empty() && !has_meaning && is_plain_character(text[0]) && std::all_of(text.begin(), text.end(), is_plain))
    return text;
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class Value>
std::string yaml_value(const Value& value) {
  return print_value(value);
}

std::string yaml_value(const std::string& value) { return value.empty() ? "" : quoted(value); }

std::string yaml_value(const Channel& channel) {
  if (!channel.given()) return "";
  std::vector<std::string> paths;
  for (const std::string& path : channel.paths) paths.push_back(quoted(path));
  const std::string path = paths.size() == 1 ? paths[0] : cat('[', join(paths, ", "), ']');
  const Channel usual;
  std::string parts;
  const auto add = [&](const char* name, const std::string& value, const std::string& initial) {
    if (value != initial) parts += cat(", ", name, ": ", quoted(value));
  };
  add("content_type", channel.content_type, usual.content_type);
  add("distribution", channel.distribution, usual.distribution);
  add("label_format", channel.label_format, usual.label_format);
  std::vector<std::string> names;
  for (const std::string& name : channel.attribute_names) names.push_back(quoted(name));
  if (!names.empty()) parts += cat(", attribute_names: [", join(names, ", "), ']');
  return parts.empty() ? path : cat("{path: ", path, parts, '}');
}

}  // namespace

std::string to_yaml(const Config& config) {
  std::string text, section;
  for_each_key(config, [&](const Key& key, const auto& value) {
    const std::string printed = yaml_value(value);
    if (printed.empty()) return;
    if (key.section != section) text += cat(section = key.section, ":\n");
    text += cat("  ", key.name, ": ", printed, '\n');
  });
  return text;
}

std::string origins_table(const Config& config) {
  size_t name_width = 0, value_width = 0;
  std::vector<PrintedKey> keys = printed_keys(config);
  for (PrintedKey& each : keys) {
    if (each.value.empty()) each.value = "unset";
    name_width = std::max(name_width, each.key.full().size());
    value_width = std::max(value_width, std::min<size_t>(each.value.size(), 40));
  }
  std::string text;
  for (const PrintedKey& each : keys) {
    const auto origin = config.origins.find(each.key.full());
    text +=
        format("%-*s  %-*s  %s\n", static_cast<int>(name_width), each.key.full().c_str(), static_cast<int>(value_width),
               each.value.c_str(), origin == config.origins.end() ? "default" : origin->second.c_str());
  }
  return text;
}

}  // namespace lockstep

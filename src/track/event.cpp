#include <algorithm>

#include <nlohmann/json.hpp>

#include "lockstep/track/events.h"

namespace lockstep::track {

namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// A plain indented dump would give every number of a confusion matrix a line of its own.
void write_indented(const Json& value, int indent, int depth, std::string& out) {
  const bool is_flat = std::none_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured(); });
  if (!value.is_structured() || value.empty() || (value.is_array() && is_flat)) {
    out += dump(value);
    return;
  }
  const std::string margin = '\n' + std::string(static_cast<size_t>(indent * (depth + 1)), ' ');
  out += value.is_object() ? '{' : '[';
  const char* separator = "";
  for (const auto& [key, item] : value.items()) {
    out += separator + margin;
    if (value.is_object()) out += dump(key) + ": ";
    write_indented(item, indent, depth + 1, out);
    separator = ",";
  }
  out += '\n' + std::string(static_cast<size_t>(indent * depth), ' ');
  out += value.is_object() ? '}' : ']';
}

void put(std::vector<std::pair<std::string, std::string>>& fields, const std::string& key, std::string json) {
  const auto old = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == key; });
  if (old != fields.end())
    old->second = std::move(json);
  else
    fields.emplace_back(key, std::move(json));
}

}  // namespace

Event& Event::set(const std::string& key, double value) { return put(fields_, key, dump(value)), *this; }
Event& Event::set(const std::string& key, int64_t value) { return put(fields_, key, dump(value)), *this; }
Event& Event::set(const std::string& key, bool value) { return put(fields_, key, dump(value)), *this; }
Event& Event::set(const std::string& key, const std::string& value) { return put(fields_, key, dump(value)), *this; }
Event& Event::set(const std::string& key, const Event& object) { return put(fields_, key, object.json()), *this; }
Event& Event::set(const std::string& key, const std::vector<double>& values) {
  return put(fields_, key, dump(values)), *this;
}
Event& Event::set(const std::string& key, const std::vector<int64_t>& values) {
  return put(fields_, key, dump(values)), *this;
}
Event& Event::set(const std::string& key, const std::vector<std::string>& values) {
  return put(fields_, key, dump(values)), *this;
}
Event& Event::set(const std::string& key, const std::vector<std::vector<int64_t>>& rows) {
  return put(fields_, key, dump(rows)), *this;
}

Event& Event::set(const std::string& key, const std::vector<Event>& objects) {
  std::string list = "[";
  for (const Event& object : objects) list.append(list.size() > 1 ? "," : "").append(object.json());
  return put(fields_, key, list + "]"), *this;
}

std::string Event::json() const {
  std::string text = "{";
  for (const auto& [key, value] : fields_)
    text.append(text.size() > 1 ? "," : "").append(dump(key)).append(":").append(value);
  return text + "}";
}

std::string Event::json(int indent) const {
  std::string text;
  write_indented(Json::parse(json()), indent, 0, text);
  return text;
}

}  // namespace lockstep::track

#include "keys.h"

#include <algorithm>

#include "lockstep/config/load.h"
#include "lockstep/core/text.h"
#include "value.h"

namespace lockstep {

std::vector<PrintedKey> printed_keys(const Config& config) {
  std::vector<PrintedKey> all;
  for_each_key(config, [&](const Key& key, const auto& value) { all.push_back({key, print_value(value)}); });
  return all;
}

const std::vector<KeyRow>& key_rows() {
  static const std::vector<KeyRow> rows = [] {
    std::vector<KeyRow> made;
    for_each_key(Config(), [&](const Key& key, const auto& initial) {
      made.push_back({key.full(), type_name(initial), print_value(initial), key.valid, key.meaning, key.on_resume});
    });
    return made;
  }();
  return rows;
}

namespace {

std::string last_part(const std::string& full) { return full.substr(full.find('.') + 1); }

std::string section_of(const std::string& full) { return full.substr(0, full.find('.')); }

// The nearest name of the section, or else of another one, which is then said.
std::string nearest_key(const std::string& name, const std::string& section) {
  std::vector<std::string> here, anywhere;
  for (const KeyRow& row : key_rows()) {
    if (section_of(row.name) == section) here.push_back(last_part(row.name));
    anywhere.push_back(last_part(row.name));
  }
  if (const std::string close = nearest(name, here); !close.empty()) return close;
  const std::string close = nearest(name, anywhere), full = find_key(close);
  return full.empty() ? close : full;
}

std::string wrapped(const std::string& text, size_t columns, const std::string& margin) {
  std::string lines = margin, line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && margin.size() + line.size() + 1 + word.size() > columns) {
      lines += line + '\n' + margin;
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return lines + line + '\n';
}

}  // namespace

bool is_key(const std::string& full) {
  return std::any_of(key_rows().begin(), key_rows().end(), [&](const KeyRow& row) { return row.name == full; });
}

std::string find_key(const std::string& name) {
  if (is_key(name)) return name;
  std::string found;
  for (const KeyRow& row : key_rows()) {
    if (last_part(row.name) != name) continue;
    if (!found.empty()) return "";
    found = row.name;
  }
  return found;
}

std::string explain_unknown_key(const std::string& section, const std::string& name) {
  if (const std::string full = find_key(name); !full.empty())
    return cat("no such key; ", name, " belongs under ", section_of(full), ":");
  const std::string close = nearest_key(name, section);
  return close.empty() ? "no such key" : cat("no such key; did you mean ", close, "?");
}

std::vector<Difference> differences(const Config& before, const Config& after) {
  const auto shown = [](const std::string& text) { return text.empty() ? "unset" : text; };
  const auto old_keys = printed_keys(before), new_keys = printed_keys(after);
  std::vector<Difference> found;
  for (size_t i = 0; i < old_keys.size(); ++i)
    if (old_keys[i].value != new_keys[i].value)
      found.push_back(
          {old_keys[i].key.full(), shown(old_keys[i].value), shown(new_keys[i].value), old_keys[i].key.on_resume});
  return found;
}

std::string keys_help() {
  std::string text, section;
  for (const KeyRow& row : key_rows()) {
    if (section_of(row.name) != section) {
      section = section_of(row.name);
      text += cat(text.empty() ? "" : "\n", section, ":\n");
    }
    text += cat("  ", last_part(row.name), "  (", row.valid.empty() ? row.type : cat(row.type, " ", row.valid),
                row.initial.empty() ? "" : cat("; default ", row.initial), ")\n", wrapped(row.meaning, 100, "      "));
  }
  return text;
}

}  // namespace lockstep

#include "value.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/text.h"

namespace lockstep {

std::string type_name(int64_t) { return "integer"; }
std::string type_name(double) { return "number"; }
std::string type_name(bool) { return "true/false"; }
std::string type_name(const std::string&) { return "text"; }
std::string type_name(const std::vector<int64_t>&) { return "list"; }
std::string type_name(const std::vector<double>&) { return "list"; }
std::string type_name(const ImageShape&) { return "C,H,W"; }
std::string type_name(const Channel&) { return "path"; }
std::string type_name(const std::optional<int64_t>&) { return type_name(int64_t{}); }

std::string print_value(int64_t value) { return std::to_string(value); }

// As few digits as read back equal; from six on, so that 600 does not become 6e+02.
std::string print_value(double value) {
  for (int digits = 6; digits < 17; ++digits)
    if (std::string text = format("%.*g", digits, value); parse_number(text) == value) return text;
  return format("%.17g", value);
}

std::string print_value(bool value) { return value ? "true" : "false"; }
std::string print_value(const std::string& value) { return value; }

namespace {

template <typename T>
std::string print_list(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T value : values) texts.push_back(print_value(value));
  return join(texts, ",");
}

}  // namespace

std::string print_value(const std::vector<int64_t>& values) { return print_list(values); }
std::string print_value(const std::vector<double>& values) { return print_list(values); }

std::string print_value(const ImageShape& shape) { return cat(shape.channels, ',', shape.height, ',', shape.width); }

std::string print_value(const Channel& channel) {
  std::string text = join(channel.paths, ";");
  const Channel usual;
  if (!channel.content_type.empty()) text += cat(" (content_type ", channel.content_type, ")");
  if (channel.distribution != usual.distribution) text += cat(" (distribution ", channel.distribution, ")");
  if (channel.label_format != usual.label_format) text += cat(" (label_format ", channel.label_format, ")");
  if (!channel.attribute_names.empty()) text += cat(" (attribute_names ", join(channel.attribute_names, ","), ")");
  return text;
}

std::string print_value(const std::optional<int64_t>& value) { return value ? print_value(*value) : ""; }

namespace {

constexpr int kLargestSide = 65535;  // what a JPEG can hold

bool is_unset(const std::string& text) {
  const std::string word = lower(trim(text));
  return word.empty() || word == "none" || word == "null" || word == "~";
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

// "a|b|c": the choice is written as in the table, whatever its case was; nothing given means "none" where that is a
// choice.
std::string choose(const std::string& text, const std::string& valid, std::string& choice) {
  const auto choices = split(valid, '|');
  const std::string word = is_unset(text) ? "none" : lower(trim(text));
  for (const std::string& each : choices)
    if (lower(each) == word) return choice = each, "";
  std::string complaint = cat(quoted(text), " is none of ", join(choices, ", "));
  if (parse_number(word)) return complaint;  // no number is a misspelt one
  const std::string close = nearest(word, choices);
  return close.empty() ? complaint : cat(complaint, "; did you mean ", close, "?");
}

// "low..high", where either end may be missing.
std::string outside(double number, const std::string& text, const std::string& valid) {
  if (!std::isfinite(number)) return cat(text, " is not finite");
  const size_t dots = valid.find("..");
  if (dots == std::string::npos) return "";
  const auto low = parse_number(valid.substr(0, dots)), high = parse_number(valid.substr(dots + 2));
  if ((!low || number >= *low) && (!high || number <= *high)) return "";
  if (!high) return cat(text, " is less than ", valid.substr(0, dots));
  return cat(text, " is not within ", valid);
}

// Numbers that Python wrote as 10.0 or 1e3 are integers too.
std::optional<int64_t> parse_whole(const std::string& text) {
  if (const auto integer = parse_integer(text)) return *integer;
  const auto number = parse_number(text);
  if (number && std::abs(*number) < 9e15 && *number == std::floor(*number)) return static_cast<int64_t>(*number);
  return std::nullopt;
}

template <typename T>
std::string read_list(const std::string& text, const std::string& valid, std::vector<T>& values) {
  std::vector<T> read;
  if (!is_unset(text)) {
    for (const std::string& item : split(text, ','))
      if (const std::string complaint = read_value(item, valid, read.emplace_back()); !complaint.empty())
        return complaint;
  }
  values = std::move(read);
  return "";
}

}  // namespace

std::string read_value(const std::string& text, const std::string& valid, int64_t& value) {
  const std::string word(trim(text));
  const auto integer = parse_whole(word);
  if (!integer) return cat(quoted(text), " is not an integer");
  std::string choice;
  const bool has_choices = valid.find('|') != std::string::npos;
  const std::string complaint =
      has_choices ? choose(print_value(*integer), valid, choice) : outside(static_cast<double>(*integer), word, valid);
  if (complaint.empty()) value = *integer;
  return complaint;
}

std::string read_value(const std::string& text, const std::string& valid, double& value) {
  const std::string word(trim(text));
  const auto number = parse_number(word);
  if (!number) return cat(quoted(text), " is not a number");
  const std::string complaint = outside(*number, word, valid);
  if (complaint.empty()) value = *number;
  return complaint;
}

std::string read_value(const std::string& text, const std::string&, bool& value) {
  const std::string word = lower(trim(text));
  const bool is_true = word == "true" || word == "1" || word == "yes" || word == "on";
  if (!is_true && word != "false" && word != "0" && word != "no" && word != "off")
    return cat(quoted(text), " is neither true nor false");
  value = is_true;
  return "";
}

std::string read_value(const std::string& text, const std::string& valid, std::string& value) {
  if (!valid.empty()) return choose(text, valid, value);
  value = text;
  return "";
}

std::string read_value(const std::string& text, const std::string& valid, std::vector<int64_t>& values) {
  return read_list(text, valid, values);
}

std::string read_value(const std::string& text, const std::string& valid, std::vector<double>& values) {
  return read_list(text, valid, values);
}

std::string read_value(const std::string& text, const std::string&, ImageShape& shape) {
  std::vector<int64_t> sizes;
  if (const std::string complaint = read_value(text, "1..", sizes); !complaint.empty()) return complaint;
  if (sizes.size() != 3) return cat(quoted(text), " is not channels,height,width, as in 3,224,224");
  if (sizes[0] != 1 && sizes[0] != 3) return cat(sizes[0], " channels: pictures have 3 (RGB) or 1 (grey)");
  if (const int64_t side = std::max(sizes[1], sizes[2]); side > kLargestSide)
    return cat(side, " pixels are more than ", kLargestSide);
  shape = {static_cast<int>(sizes[0]), static_cast<int>(sizes[1]), static_cast<int>(sizes[2])};
  return "";
}

std::string read_value(const std::string& text, const std::string& valid, std::optional<int64_t>& value) {
  if (is_unset(text)) return value.reset(), "";
  int64_t read = 0;
  const std::string complaint = read_value(text, valid, read);
  if (complaint.empty()) value = read;
  return complaint;
}

namespace {

/// A list, or one text with commas.
std::string read_attribute_names(const std::vector<std::string>& items, std::vector<std::string>& names) {
  names.clear();
  for (const std::string& item : items.size() == 1 ? split(items.front(), ',') : items) names.emplace_back(trim(item));
  if (names.size() == 1 && names.front().empty()) names.clear();
  if (names.size() <= 2 && std::find(names.begin(), names.end(), "") == names.end()) return "";
  return cat(quoted(join(names, ",")), " is not the picture's attribute and the label's, as in [source-ref, class]");
}

}  // namespace

std::string read_channel_part(const std::string& part, const std::vector<std::string>& items, Channel& channel) {
  const std::string text = join(items, ";");
  if (part == "content_type") return read_value(text, "", channel.content_type);
  if (part == "distribution") return read_value(text, "FullyReplicated|ShardedByS3Key", channel.distribution);
  if (part == "label_format") return read_value(text, "auto|multi-hot|class-id", channel.label_format);
  if (part == "attribute_names") return read_attribute_names(items, channel.attribute_names);
  if (part != "path") {
    const std::vector<std::string> parts = {"path", "content_type", "distribution", "label_format", "attribute_names"};
    const std::string close = nearest(part, parts);
    return close.empty() ? cat("a channel has no ", part, ", only ", join(parts, ", "))
                         : cat("no such name; did you mean ", close, "?");
  }
  if (items.size() > 1 && std::find(items.begin(), items.end(), "") != items.end()) return "one of its paths is empty";
  channel.paths = text.empty() ? std::vector<std::string>() : items;
  return "";
}

}  // namespace lockstep

#pragma once

#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// The parts written one after the other, as operator<< writes them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// snprintf into a string: format("%.3f", seconds).
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

/// The fields between separators; an empty text has one empty field.
std::vector<std::string> split(std::string_view text, char separator);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// Without white space at both ends.
std::string_view trim(std::string_view text);

std::string lower(std::string_view text);

/// The whole text as a number, or nothing: no white space, no rest, no overflow, always with '.' as the decimal point.
std::optional<long long> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

/// Bytes for people: "18.4 MB".
std::string bytes_text(double bytes);

/// Seconds for people: "12 s", "3 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

/// The candidate with the smallest edit distance to `word`, when it is close enough to have been meant; otherwise
/// empty.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace lockstep

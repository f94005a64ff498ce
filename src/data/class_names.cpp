#include "class_names.h"

#include <algorithm>
#include <set>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::data {

std::vector<std::string> read_class_names(const Path& path) {
  auto lines = split(read_text(path), '\n');
  for (auto& line : lines) line = trim(line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::set<std::string> seen;
  for (size_t i = 0; i < lines.size(); ++i) {
    require(!lines[i].empty(), ErrorKind::kData, path.string(), ":", i + 1,
            ": an empty line; each line names the class of its label");
    require(seen.insert(lines[i]).second, ErrorKind::kData, path.string(), ":", i + 1, ": the class ", lines[i],
            " has a line already");
  }
  return lines;
}

std::vector<std::string> listed_names(std::string_view text) {
  std::vector<std::string> names;
  for (const auto& part : split(text, ','))
    if (const auto name = trim(part); !name.empty()) names.emplace_back(name);
  return names;
}

size_t find_class(const std::vector<std::string>& names, const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const std::string close = nearest(name, names);
  fail(ErrorKind::kData, where, ": no class is called \"", name, "\"",
       close.empty() ? "" : cat("; did you mean \"", close, "\"?"));
}

std::string shard_prefix(const Path& path) {
  constexpr const char* kDigits = "0123456789";
  const std::string stem = path.stem().string();
  const size_t of = stem.rfind("-of-"), dash = of == std::string::npos ? of : stem.find_last_not_of(kDigits, of - 1);
  const bool is_shard = dash != std::string::npos && stem[dash] == '-' && dash + 1 < of && of + 4 < stem.size() &&
                        stem.find_first_not_of(kDigits, of + 4) == std::string::npos;
  return is_shard ? stem.substr(0, dash) : stem;
}

std::vector<std::string> class_names_beside(const Path& path) {
  std::vector<std::string> prefixes = {path.stem().string(), shard_prefix(path)};
  for (const char* split_name : {"_train", "_val", "_test"})
    if (prefixes[1].ends_with(split_name)) prefixes.push_back(prefixes[1].substr(0, prefixes[1].rfind('_')));
  for (const auto& prefix : prefixes) {
    const Path file = path.parent_path() / (prefix + ".classes");
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return read_class_names(file);
  }
  return {};
}

}  // namespace lockstep::data

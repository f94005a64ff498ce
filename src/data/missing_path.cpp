#include "missing_path.h"

#include <algorithm>
#include <vector>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr size_t kMostNames = 5;

std::vector<std::string> entries_of(const Path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// Nearest first, then those that share the stem with `word`.
std::vector<std::string> similar(const std::string& word, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  if (const std::string close = nearest(word, names); !close.empty()) found.push_back(close);
  const std::string stem = lower(Path(word).stem().string());
  for (const auto& name : names) {
    const std::string other = lower(Path(name).stem().string());
    const bool alike =
        other.find(stem) != std::string::npos || (other.size() > 1 && stem.find(other) != std::string::npos);
    if (alike && std::ranges::find(found, name) == found.end()) found.push_back(name);
  }
  return found;
}

}  // namespace

std::string describe_missing(const Path& path) {
  // The first name on the way that is not there, and the folder where it should be.
  Path missing = path.has_filename() ? path : path.parent_path(), folder = missing.parent_path();
  std::error_code error;
  while (!folder.empty() && !std::filesystem::exists(folder, error) && folder.has_relative_path()) {
    missing = folder;
    folder = missing.parent_path();
  }
  const std::string where = folder.empty() ? "the working directory" : folder.string();
  const auto names = entries_of(folder.empty() ? Path(".") : folder);
  auto shown = similar(missing.filename().string(), names);
  if (shown.empty()) shown = names;
  const size_t more = shown.size() - std::min(shown.size(), kMostNames);
  shown.resize(shown.size() - more);
  if (shown.empty()) return cat(path.string(), " does not exist; ", where, " is empty");
  return cat(path.string(), " does not exist; ", where, " holds ", join(shown, ", "),
             more > 0 ? cat(" and ", more, " more") : "");
}

void require_exists(const Path& path, const std::string& channel) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) fail(ErrorKind::kUsage, channel, ": ", describe_missing(path));
}

}  // namespace lockstep::data

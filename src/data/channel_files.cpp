#include "channel_files.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <fnmatch.h>

#include "class_names.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr size_t kNamedShards = 5;

/// The names of the files in a folder that `wanted` takes, sorted.
template <class Wanted>
std::vector<std::string> names_in(const Path& folder, Wanted&& wanted) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
       entry.increment(error))
    if (std::string name = entry->path().filename().string(); wanted(name)) names.push_back(std::move(name));
  std::ranges::sort(names);
  return names;
}

bool is_record(const std::string& name) { return lower(Path(name).extension().string()) == ".rec"; }

bool is_shard(const std::string& name) { return is_record(name) && shard_prefix(name) != Path(name).stem().string(); }

/// N of PREFIX-00002-of-0000N.rec.
long long shards_said(const std::string& name) {
  const std::string stem = Path(name).stem().string();
  return parse_integer(stem.substr(stem.rfind('-') + 1)).value_or(0);
}

/// The names must be all shards of what each of them says.
void require_all_shards(const Path& folder, const std::vector<std::string>& names) {
  std::map<std::pair<std::string, long long>, std::set<std::string>> sets;
  for (const auto& name : names) sets[{shard_prefix(name), shards_said(name)}].insert(name);
  for (const auto& [set, found] : sets) {
    const auto& [prefix, count] = set;
    std::vector<std::string> missing;
    for (long long i = 0; i < count && missing.size() < kNamedShards; ++i) {
      const std::string name = cat(prefix, format("-%05lld-of-%05lld.rec", i, count));
      if (!found.contains(name)) missing.push_back(name);
    }
    require(missing.empty(), ErrorKind::kData, (folder / prefix).string(), ": ", found.size(), " of ", count,
            " shards are there; missing: ", join(missing, ", "), missing.size() == kNamedShards ? ", ..." : "");
  }
}

std::vector<std::string> below(const Path& folder, const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  for (const auto& name : names) paths.push_back((folder / name).string());
  return paths;
}

}  // namespace

std::vector<std::string> files_of_path(const Path& path, bool may_lack_shards) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    if (!may_lack_shards) require_all_shards(path, names_in(path, is_shard));
    return {path.string()};
  }
  if (std::filesystem::exists(path, error)) return {path.string()};
  const Path folder = path.parent_path();
  const std::string name = path.filename().string();
  if (name.find_first_of("*?") != std::string::npos) {
    auto matching = names_in(
        folder, [&](const std::string& each) { return ::fnmatch(name.c_str(), each.c_str(), FNM_PERIOD) == 0; });
    // `set-*` means the records, not the lists and indices beside them.
    if (std::ranges::any_of(matching, is_record)) std::erase_if(matching, std::not_fn(is_record));
    return matching.empty() ? std::vector{path.string()} : below(folder, matching);
  }
  const std::string prefix = lower(path.extension().string()) == ".rec" ? path.stem().string() : name;
  const auto shards =
      names_in(folder, [&](const std::string& each) { return is_shard(each) && shard_prefix(each) == prefix; });
  if (!may_lack_shards) require_all_shards(folder, shards);
  return shards.empty() ? std::vector{path.string()} : below(folder, shards);
}

}  // namespace lockstep::data

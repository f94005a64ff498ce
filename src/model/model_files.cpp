#include "model_files.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/model/mxnet.h"
#include "params.h"
#include "torch_file.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;

constexpr const char* kArchive = "model.tar.gz";
constexpr const char* kLookedFor =
    "looked for *-symbol.json with *-NNNN.params (a model), model.tar.gz, tensors.safetensors (a checkpoint), latest, "
    "and one file of weights (.pth, .safetensors)";

bool is_file(const Path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// The files of a folder whose name the test takes, sorted.
std::vector<std::string> list_files(const Path& folder, bool (*takes)(const std::string& name)) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (const std::string name = entry.path().filename().string(); takes(name) && is_file(entry.path()))
      names.push_back(name);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot list: ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

Path folder_of(const Path& file) { return file.has_parent_path() ? file.parent_path() : Path("."); }

/// What PREFIX-symbol.json or PREFIX-NNNN.params stands for, when its model is there.
std::optional<Place> find_by_file(const Path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(kSymbolEnd) && name.size() > std::string_view(kSymbolEnd).size())
    return Place{Place::Form::kFolder, folder_of(path), name.substr(0, name.size() - std::string(kSymbolEnd).size())};
  const size_t dash = name.rfind('-');
  if (!name.ends_with(kParamsEnd) || dash == name.npos) return std::nullopt;
  const std::string prefix = name.substr(0, dash);
  const int64_t epoch = epoch_of(name, prefix);
  require(epoch >= 0 && is_file(folder_of(path) / (prefix + kSymbolEnd)), ErrorKind::kData, path.string(),
          ": these are arrays alone; a model needs ", prefix, kSymbolEnd, " beside PREFIX-NNNN.params");
  return Place{Place::Form::kFolder, folder_of(path), prefix, epoch};
}

Place find_in_folder(const Path& folder) {
  const auto ends_symbol = [](const std::string& name) { return name.ends_with(kSymbolEnd); };
  if (!list_files(folder, ends_symbol).empty()) return {Place::Form::kFolder, folder};
  if (is_file(folder / kArchive)) return {Place::Form::kArchive, folder / kArchive};
  const auto archives =
      list_files(folder, [](const std::string& name) { return name.ends_with(".tar.gz") || name.ends_with(".tgz"); });
  if (archives.size() == 1) return {Place::Form::kArchive, folder / archives[0]};
  if (is_file(folder / "tensors.safetensors")) return {Place::Form::kCheckpoint, folder};
  if (checkpoint::find_latest(folder)) return {Place::Form::kCheckpoints, folder};
  const auto weights = list_files(folder, is_torch_name);
  if (weights.size() == 1) return {Place::Form::kWeights, folder / weights[0]};
  fail(ErrorKind::kData, folder.string(), ": no model here, or no single one (", archives.size(), " archives, ",
       weights.size(), " files of weights): ", kLookedFor);
}

}  // namespace

std::string params_name(const std::string& prefix, int64_t epoch) {
  return format("%s-%04lld%s", prefix.c_str(), static_cast<long long>(epoch), kParamsEnd);
}

int64_t epoch_of(const std::string& name, const std::string& prefix) {
  if (!name.starts_with(prefix + "-") || !name.ends_with(kParamsEnd)) return -1;
  const size_t begin = prefix.size() + 1, end = name.size() - std::string_view(kParamsEnd).size();
  if (end < begin + 4) return -1;
  return parse_integer(std::string_view(name).substr(begin, end - begin)).value_or(-1);
}

bool belongs_to_model(const std::string& name) {
  return name.ends_with(kSymbolEnd) || name.ends_with(kParamsEnd) || name == kShapes || name == kCard;
}

std::vector<std::string> list_model(const Path& folder) { return list_files(folder, belongs_to_model); }

Place find_model(const Path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return find_in_folder(path);
  if (!fs::exists(path, ignored)) {
    for (const char* end : {kSymbolEnd, kParamsEnd})
      if (is_file(path.string() + end))
        if (const auto place = find_by_file(path.string() + end)) return *place;
    fail(ErrorKind::kData, path.string(), ": no such model file, folder or prefix; ", kLookedFor);
  }
  if (is_torch_name(path.filename().string())) return {Place::Form::kWeights, path};
  if (const auto place = find_by_file(path)) return *place;
  return {Place::Form::kArchive, path};
}

bool ModelFiles::has(const std::string& name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string ModelFiles::prefix() const {
  std::vector<std::string> prefixes;
  for (const std::string& name : names)
    if (name.ends_with(kSymbolEnd)) prefixes.push_back(name.substr(0, name.size() - std::string(kSymbolEnd).size()));
  if (prefixes.size() == 1) return prefixes[0];
  require(!prefixes.empty(), ErrorKind::kData, where, ": no file called *-symbol.json; ", kLookedFor);
  require(has(std::string(kPrefix) + kSymbolEnd), ErrorKind::kData, where, ": ", prefixes.size(), " models (",
          join(prefixes, ", "), "); give the prefix of one, as ", (Path(where) / prefixes[0]).string());
  return kPrefix;
}

int64_t ModelFiles::choose_epoch(const std::string& prefix, const Card& card) const {
  int64_t newest = -1, best = -1;
  if (const auto named = card.origin.find("best_epoch"); named != card.origin.end())
    best = parse_integer(named->second).value_or(-1);
  for (const std::string& name : names) newest = std::max(newest, epoch_of(name, prefix));
  require(newest >= 0, ErrorKind::kData, where, ": no ", prefix, "-NNNN.params beside ", prefix, kSymbolEnd);
  return best >= 0 && has(params_name(prefix, best)) ? best : newest;
}

ModelFiles files_of_folder(const Path& folder) {
  return {folder.string(), list_model(folder), [folder](const std::string& name) { return read_text(folder / name); },
          [folder](const std::string& name) { return read_params(folder / name); }};
}

ModelFiles files_of_archive(const Path& path, const Files& content) {
  ModelFiles files{path.string(), {}, {}, {}};
  for (const auto& [name, bytes] : content) files.names.push_back(name);
  files.text = [&content](const std::string& name) {
    const auto& bytes = content.at(name);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  files.arrays = [&content, path](const std::string& name) {
    return parse_params(content.at(name), path.string() + ": " + name);
  };
  return files;
}

}  // namespace lockstep::model

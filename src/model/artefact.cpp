#include "lockstep/model/artefact.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "archive.h"
#include "json_text.h"
#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/model/mxnet.h"
#include "params.h"
#include "recognise.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kPrefix = "image-classification";
constexpr const char* kShapes = "model-shapes.json";
constexpr const char* kCard = "lockstep.json";
constexpr const char* kArchive = "model.tar.gz";
constexpr const char* kSymbolEnd = "-symbol.json";
constexpr const char* kParamsEnd = ".params";
constexpr const char* kLookedFor =
    "looked for *-symbol.json with *-NNNN.params (a model), model.tar.gz, tensors.safetensors (a checkpoint) and "
    "latest";

std::string params_name(const std::string& prefix, int64_t epoch) {
  return format("%s-%04lld%s", prefix.c_str(), static_cast<long long>(epoch), kParamsEnd);
}

/// The epoch in "<prefix>-0010.params", or -1.
int64_t epoch_of(const std::string& name, const std::string& prefix) {
  if (!name.starts_with(prefix + "-") || !name.ends_with(kParamsEnd)) return -1;
  const size_t begin = prefix.size() + 1, end = name.size() - std::string_view(kParamsEnd).size();
  if (end < begin + 4) return -1;
  return parse_integer(std::string_view(name).substr(begin, end - begin)).value_or(-1);
}

bool belongs_to_model(const std::string& name) {
  return name.ends_with(kSymbolEnd) || name.ends_with(kParamsEnd) || name == kShapes || name == kCard;
}

/// The files of a model that lie in a folder: their names.
std::vector<std::string> list_model(const Path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_regular_file() && belongs_to_model(entry.path().filename().string()))
      names.push_back(entry.path().filename().string());
  require(!error, ErrorKind::kIo, folder.string(), ": cannot list: ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

// MXNet lists the arguments and then the auxiliary states, each in graph order.
Arrays mxnet_order(Arrays arrays) {
  std::stable_partition(arrays.begin(), arrays.end(),
                        [](const Array& array) { return !array.name.starts_with("aux:"); });
  return arrays;
}

void write_params_atomic(const Path& path, const Arrays& arrays) {
  const Path writing = path.string() + ".writing";
  std::error_code error;
  try {
    write_params(writing, arrays);
    sync_path(writing);
  } catch (const Error&) {
    fs::remove(writing, error);
    throw;
  }
  fs::rename(writing, path, error);
  require(!error, ErrorKind::kIo, path.string(), ": cannot write: ", error.message());
  sync_path(path.parent_path());
}

std::string shapes_text(const Artefact& artefact) {
  return cat("[{\"shape\": [", artefact.batch, ", ", artefact.card.channels, ", ", artefact.card.height, ", ",
             artefact.card.width, "], \"name\": \"data\"}]");
}

/// Fills batch and input size from model-shapes.json.
void read_shapes(const std::string& text, const std::string& where, Artefact& artefact) {
  verify_json(text, where);
  try {
    for (const json& input : json::parse(text)) {
      if (input.at("name").get<std::string>() != "data") continue;
      const auto& shape = input.at("shape");
      require(shape.size() == 4, ErrorKind::kData, where, ": the shape of data is not [N, C, H, W]: ", shape.dump());
      artefact.batch = shape.at(0).is_null() ? 1 : shape.at(0).get<int64_t>();
      artefact.card.channels = shape.at(1).get<int64_t>();
      artefact.card.height = shape.at(2).get<int64_t>();
      artefact.card.width = shape.at(3).get<int64_t>();
      return;
    }
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, where, ": ", error.what());
  }
  fail(ErrorKind::kData, where, ": it has no shape of \"data\"");
}

/// One model's files, wherever they are.
struct Source {
  std::string where;
  std::vector<std::string> names;
  std::function<std::string(const std::string& name)> text;
  std::function<Arrays(const std::string& name)> arrays;

  bool has(const std::string& name) const { return std::find(names.begin(), names.end(), name) != names.end(); }
};

/// Of the .params the one that lockstep.json calls the best, else the newest.
int64_t choose_epoch(const Source& source, const std::string& prefix, const Card& card) {
  int64_t newest = -1, best = -1;
  if (const auto named = card.origin.find("best_epoch"); named != card.origin.end())
    best = parse_integer(named->second).value_or(-1);
  for (const std::string& name : source.names) newest = std::max(newest, epoch_of(name, prefix));
  require(newest >= 0, ErrorKind::kData, source.where, ": no ", prefix, "-NNNN.params beside ", prefix, kSymbolEnd);
  return best >= 0 && source.has(params_name(prefix, best)) ? best : newest;
}

Artefact read_model(const Source& source) {
  std::vector<std::string> prefixes;
  for (const std::string& name : source.names)
    if (name.ends_with(kSymbolEnd))
      prefixes.push_back(name.substr(0, name.size() - std::string_view(kSymbolEnd).size()));
  require(prefixes.size() == 1, ErrorKind::kData, source.where, ": ", prefixes.size(),
          " files called *-symbol.json where a model has one; ", kLookedFor);
  const std::string& prefix = prefixes[0];

  Artefact artefact;
  artefact.graph = parse_symbol(source.text(prefix + kSymbolEnd), cat(source.where, ": ", prefix, kSymbolEnd));
  const Output output = find_output(artefact.graph);
  if (source.has(kShapes)) read_shapes(source.text(kShapes), source.where + ": " + kShapes, artefact);
  if (source.has(kCard)) {
    artefact.card = parse_card(source.text(kCard), source.where + ": " + kCard);
  } else {
    artefact.card.multi_label = output.multi_label;
    artefact.card.stretch = true;
    recognise(artefact.graph, artefact.card);
  }
  artefact.epoch = choose_epoch(source, prefix, artefact.card);
  const std::string params = params_name(prefix, artefact.epoch);
  artefact.arrays = source.arrays(params);
  artefact.source = source.where + ": " + params;
  return artefact;
}

Artefact read_archived(const Path& path) {
  const Files files = read_archive(path, belongs_to_model);
  Source source{path.string(), {}, {}, {}};
  for (const auto& [name, content] : files) source.names.push_back(name);
  source.text = [&](const std::string& name) {
    const auto& content = files.at(name);
    return std::string(reinterpret_cast<const char*>(content.data()), content.size());
  };
  source.arrays = [&](const std::string& name) { return parse_params(files.at(name), source.where + ": " + name); };
  return read_model(source);
}

Artefact read_unpacked(const Path& folder, std::vector<std::string> names) {
  return read_model({folder.string(), std::move(names),
                     [&](const std::string& name) { return read_text(folder / name); },
                     [&](const std::string& name) { return read_params(folder / name); }});
}

Artefact read_checkpoint(const Path& folder) {
  checkpoint::Content content = checkpoint::load(folder);
  const auto text = [&](const char* name) {
    const auto found = content.texts.find(name);
    require(found != content.texts.end(), ErrorKind::kData, folder.string(), ": the checkpoint has no ", name);
    return found->second;
  };
  Artefact artefact;
  artefact.graph = parse_symbol(text("symbol.json"), (folder / "symbol.json").string());
  artefact.card = parse_card(text("card.json"), (folder / "card.json").string());
  std::erase_if(content.tensors,
                [](const Array& array) { return !array.name.starts_with("arg:") && !array.name.starts_with("aux:"); });
  artefact.arrays = std::move(content.tensors);
  if (const auto epoch = artefact.card.origin.find("epoch"); epoch != artefact.card.origin.end())
    artefact.epoch = parse_integer(epoch->second).value_or(0);
  artefact.source = folder.string();
  return artefact;
}

}  // namespace

void write_artefact(const Path& folder, const Artefact& artefact, bool keep_others) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot create: ", error.message());
  const std::string params = params_name(kPrefix, artefact.epoch);
  write_params_atomic(folder / params, mxnet_order(artefact.arrays));
  write_atomic(folder / (std::string(kPrefix) + kSymbolEnd), symbol_text(artefact.graph));
  write_atomic(folder / kShapes, shapes_text(artefact));
  write_atomic(folder / kCard, card_text(artefact.card));
  if (keep_others) return;
  for (const std::string& name : list_model(folder))
    if (name != params && epoch_of(name, kPrefix) >= 0) fs::remove(folder / name, error);
}

void pack_artefact(const Path& folder, const Path& archive) { write_archive(archive, folder, list_model(folder)); }

Artefact read_artefact(const Path& path) {
  std::error_code ignored;
  require(fs::exists(path, ignored), ErrorKind::kData, path.string(), ": no such model file or folder");
  if (!fs::is_directory(path, ignored)) return read_archived(path);
  const std::vector<std::string> names = list_model(path);
  const auto ends_symbol = [](const std::string& name) { return name.ends_with(kSymbolEnd); };
  if (std::any_of(names.begin(), names.end(), ends_symbol)) return read_unpacked(path, names);
  if (fs::is_regular_file(path / kArchive, ignored)) return read_archived(path / kArchive);
  if (fs::is_regular_file(path / "tensors.safetensors", ignored)) return read_checkpoint(path);
  if (const auto latest = checkpoint::find_latest(path)) return read_checkpoint(*latest);
  fail(ErrorKind::kData, path.string(), ": no model here: ", kLookedFor);
}

}  // namespace lockstep::model

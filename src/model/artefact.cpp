#include "lockstep/model/artefact.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "archive.h"
#include "input_size.h"
#include "json_text.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/text.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/model/mxnet.h"
#include "model_files.h"
#include "own_safetensors.h"
#include "recognise.h"
#include "torch_file.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

constexpr int64_t kLargestSide = 1 << 16;

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
      for (const int64_t size : {artefact.card.channels, artefact.card.height, artefact.card.width})
        require(size >= 1 && size <= kLargestSide, ErrorKind::kData, where, ": the shape of data is ", shape.dump());
      return;
    }
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, where, ": ", error.what());
  }
  fail(ErrorKind::kData, where, ": it has no shape of \"data\"");
}

Output output_of(const Graph& graph, const std::string& where) try {
  return find_output(graph);
} catch (const Error& error) {
  fail(error.kind(), where, ": ", error.what());
}

Artefact read_model(const ModelFiles& files, const Place& place) {
  const std::string prefix = place.prefix.empty() ? files.prefix() : place.prefix;
  Artefact artefact;
  artefact.graph = parse_symbol(files.text(prefix + kSymbolEnd), cat(files.where, ": ", prefix, kSymbolEnd));
  const Output output = output_of(artefact.graph, files.where);
  const bool has_shapes = files.has(kShapes), has_card = files.has(kCard);
  if (has_shapes) read_shapes(files.text(kShapes), files.where + ": " + kShapes, artefact);
  if (has_card) artefact.card = parse_card(files.text(kCard), files.where + ": " + kCard);
  artefact.epoch = place.epoch >= 0 ? place.epoch : files.choose_epoch(prefix, artefact.card);
  const std::string params = params_name(prefix, artefact.epoch);
  artefact.arrays = files.arrays(params);
  artefact.source = files.where + ": " + params;
  if (has_card) return artefact;
  artefact.card.multi_label = output.multi_label;
  artefact.card.stretch = true;
  if (!has_shapes) guess_input_size(artefact.graph, artefact.arrays, artefact.card);
  recognise(artefact.graph, artefact.card);
  return artefact;
}

Artefact read_archived(const Place& place) {
  const Path& path = place.path;
  const Files content =
      read_archive(path, [](const std::string& name) { return belongs_to_model(name) || is_torch_name(name); });
  if (content.size() == 1 && is_torch_name(content.begin()->first))
    return read_torch_file(content.begin()->second, path.string() + ": " + content.begin()->first);
  return read_model(files_of_archive(path, content), place);
}

Artefact artefact_of(checkpoint::Content content, const Path& folder) {
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

/// The newest that verifies, as a run that resumes would take it.
Artefact read_newest(const Path& folder) {
  std::vector<std::string> notes;
  auto newest = checkpoint::load_newest(folder, notes);
  for (const std::string& note : notes) log::warning(note);
  require(newest.has_value(), ErrorKind::kData, folder.string(), ": no checkpoint here");
  return artefact_of(std::move(newest->content), newest->path);
}

Artefact read_weights(const Path& path) {
  if (path.extension() == ".safetensors")
    if (auto artefact = read_own_safetensors(path)) return std::move(*artefact);
  return read_torch_file(path);
}

}  // namespace

void write_model(const Path& folder, const std::string& prefix, const Artefact& artefact) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot create: ", error.message());
  write_params_atomic(folder / params_name(prefix, artefact.epoch), mxnet_order(artefact.arrays));
  write_atomic(folder / (prefix + kSymbolEnd), symbol_text(artefact.graph));
  write_atomic(folder / kShapes, shapes_text(artefact));
  write_atomic(folder / kCard, card_text(artefact.card));
}

void write_artefact(const Path& folder, const Artefact& artefact, bool keep_others) {
  write_model(folder, kPrefix, artefact);
  if (keep_others) return;
  const std::string params = params_name(kPrefix, artefact.epoch);
  std::error_code ignored;
  for (const std::string& name : list_model(folder))
    if (name != params && epoch_of(name, kPrefix) >= 0) fs::remove(folder / name, ignored);
}

void pack_artefact(const Path& folder, const Path& archive) { write_archive(archive, folder, list_model(folder)); }

Artefact read_artefact(const Path& path) {
  const Place place = find_model(path);
  switch (place.form) {
    case Place::Form::kFolder:
      return read_model(files_of_folder(place.path), place);
    case Place::Form::kArchive:
      return read_archived(place);
    case Place::Form::kCheckpoint:
      return artefact_of(checkpoint::load(place.path), place.path);
    case Place::Form::kCheckpoints:
      return read_newest(place.path);
    case Place::Form::kWeights:
      return read_weights(place.path);
  }
  fail(ErrorKind::kBug, path.string(), ": a model of no form");
}

}  // namespace lockstep::model

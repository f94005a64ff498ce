#include "lockstep/model/inspect.h"

#include <algorithm>
#include <filesystem>

#include "archive.h"
#include "lockstep/core/error.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"
#include "model_files.h"
#include "safetensors.h"
#include "torch_file.h"
#include "torch_tensors.h"

namespace lockstep::model {
namespace {

constexpr int64_t kSageMakersDepths[] = {18, 34, 50, 101, 152, 200, 20, 32, 44, 56, 110};

const char* form_of(Place::Form form) {
  switch (form) {
    case Place::Form::kCheckpoint:
    case Place::Form::kCheckpoints:
      return "checkpoint";
    case Place::Form::kWeights:
      return "weights";
    default:
      return "MXNet model";
  }
}

int64_t count_all(const Arrays& arrays) {
  int64_t sum = 0;
  for (const Array& array : arrays) sum += count(array.shape);
  return sum;
}

/// The first parameter that the arrays do not fill, as a reason; empty: none.
std::string find_gap(const std::vector<Parameter>& parameters, const Arrays& arrays) {
  for (const Parameter& parameter : parameters) {
    const std::string name = (parameter.auxiliary ? "aux:" : "arg:") + parameter.name;
    const Array* array = find_array(arrays, name);
    if (!array && !parameter.fixed) return name + " is absent";
    if (array && array->shape != parameter.shape && !parameter.fixed)
      return cat(name, " has the shape ", shape_text(array->shape), " instead of ", shape_text(parameter.shape));
  }
  return "";
}

/// Sizes, and whether a run could begin with it: every operator is known, and every parameter there.
void judge_graph(Inspection& found) {
  try {
    found.output = find_output(*found.graph);
    const Card card = found.card.value_or(Card{});
    const Facts facts = infer(*found.graph, {1, card.channels, card.height, card.width});
    require_logits(*found.graph, facts, *found.output);
    found.flops = facts.flops;
    for (const Parameter& parameter : facts.parameters)
      if (!parameter.auxiliary && !parameter.fixed) found.parameters += count(parameter.shape);
    found.cannot_train = found.arrays.empty() ? "it has no weights" : find_gap(facts.parameters, found.arrays);
  } catch (const Error& error) {
    found.cannot_train = error.what();
  }
}

std::string why_sagemaker_cannot(const Inspection& found) {
  if (!found.cannot_train.empty()) return found.cannot_train;
  const Card& card = *found.card;
  if (card.network != "resnet_v2")
    return card.network.empty() ? "its network is not the ResNet (v2) of that algorithm"
                                : cat("its network is ", card.network, ", and that algorithm has resnet_v2 alone");
  if (std::find(std::begin(kSageMakersDepths), std::end(kSageMakersDepths), card.num_layers) ==
      std::end(kSageMakersDepths))
    return cat("that algorithm has no num_layers ", card.num_layers);
  const bool shifts = std::any_of(card.mean.begin(), card.mean.end(), [](double mean) { return mean != 0; });
  const bool scales = std::any_of(card.std.begin(), card.std.end(), [](double deviation) { return deviation != 1; });
  if (shifts || scales)
    return "it wants pictures with mean and deviation taken out, and that algorithm feeds raw pixels";
  return "";
}

Inspection of_artefact(Artefact artefact, const char* form) {
  Inspection found{.source = artefact.source, .form = form};
  found.graph = std::move(artefact.graph);
  found.arrays = std::move(artefact.arrays);
  found.card = std::move(artefact.card);
  found.epoch = artefact.epoch;
  judge_graph(found);
  found.cannot_continue = why_sagemaker_cannot(found);
  return found;
}

Inspection of_arrays(Arrays arrays, const Path& path, const std::string& why) {
  Inspection found{.source = path.string(), .form = "arrays"};
  found.parameters = count_all(arrays);
  found.arrays = std::move(arrays);
  found.cannot_train = found.cannot_continue = why;
  return found;
}

/// A model that read_artefact() refuses: the parts that can be read.
Inspection of_parts(const ModelFiles& files, const Place& place, const std::string& why) {
  const std::string prefix = place.prefix.empty() ? files.prefix() : place.prefix;
  Inspection found{.source = files.where, .form = "symbol"};
  found.graph = parse_symbol(files.text(prefix + kSymbolEnd), cat(files.where, ": ", prefix, kSymbolEnd));
  const auto is_params = [&](const std::string& name) { return epoch_of(name, prefix) >= 0; };
  if (std::any_of(files.names.begin(), files.names.end(), is_params)) {
    found.form = "MXNet model";
    found.epoch = place.epoch >= 0 ? place.epoch : files.choose_epoch(prefix, {});
    found.arrays = files.arrays(params_name(prefix, found.epoch));
  }
  judge_graph(found);
  if (found.parameters == 0) found.parameters = count_all(found.arrays);
  found.cannot_train = found.cannot_continue = why;
  return found;
}

/// Whether the file begins with the magic number of .params.
bool begins_like_params(const Path& path) {
  const MappedFile file(path);
  constexpr std::byte kMagic[] = {std::byte{0x12}, std::byte{1}};
  return file.size() >= 8 && std::equal(std::begin(kMagic), std::end(kMagic), file.bytes().begin());
}

Inspection of_weights(const Path& path) {
  try {
    return of_artefact(read_artefact(path), "weights");
  } catch (const Error& error) {
    const MappedFile file(path);
    Arrays arrays = is_torch(file.bytes()) ? read_torch_tensors(file.bytes(), path.string())
                                           : parse_safetensors(file.bytes(), path.string()).arrays;
    return of_arrays(std::move(arrays), path, error.what());
  }
}

/// .params without a symbol file, told by what is in it: the oldest ones have any name.
bool is_arrays_alone(const Path& path) {
  if (!begins_like_params(path)) return false;
  try {
    return find_model(path).form != Place::Form::kFolder;
  } catch (const Error&) {
    return true;
  }
}

Inspection of_symbol(const Path& path) {
  Inspection found{.source = path.string(), .form = "symbol"};
  found.graph = read_symbol(path);
  judge_graph(found);
  found.cannot_continue = found.cannot_train;
  return found;
}

Inspection of_place(const Place& place, const Path& path) {
  try {
    return of_artefact(read_artefact(path), form_of(place.form));
  } catch (const Error& error) {
    if (place.form == Place::Form::kFolder) return of_parts(files_of_folder(place.path), place, error.what());
    if (place.form != Place::Form::kArchive) throw;
    const Files content = read_archive(place.path, belongs_to_model);
    return of_parts(files_of_archive(place.path, content), place, error.what());
  }
}

}  // namespace

Inspection inspect(const Path& path) {
  std::error_code ignored;
  const std::string name = path.filename().string();
  if (std::filesystem::is_regular_file(path, ignored)) {
    if (is_arrays_alone(path))
      return of_arrays(read_params(path), path, "these are arrays alone; a model needs PREFIX-symbol.json beside them");
    if (name.ends_with(".json") && !name.ends_with(kSymbolEnd)) return of_symbol(path);
  }
  const Place place = find_model(path);
  return place.form == Place::Form::kWeights ? of_weights(place.path) : of_place(place, path);
}

}  // namespace lockstep::model

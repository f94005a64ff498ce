#include "torch_file.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/model/torch_names.h"
#include "published_names.h"
#include "safetensors.h"
#include "torch_network.h"
#include "torch_tensors.h"

namespace lockstep::model {
namespace {

constexpr const char* kEndings[] = {".pth", ".pt", ".th", ".bin", ".safetensors"};

// ImageNet's, of pixels from 0 to 255, as torchvision's weights and most others want them.
const std::vector<double> kMean = {123.675, 116.28, 103.53}, kDeviation = {58.395, 57.12, 57.375};

Safetensors read_content(Bytes bytes, const std::string& where) {
  if (is_torch(bytes) || !where.ends_with(".safetensors")) return {read_torch_tensors(bytes, where), {}};
  return parse_safetensors(bytes, where);
}

/// How whoever published such weights prepares the pictures.
Card card_of(const TorchNetwork& found) {
  const NetworkOptions& options = found.options;
  Card card;
  card.network = found.network;
  card.num_layers = options.num_layers;
  card.channels = options.channels, card.height = options.height, card.width = options.width;
  if (found.network == "resnet_v2") {  // SageMaker's rule
    card.stretch = true;
    return card;
  }
  const bool is_small = options.height <= 32;
  card.resize = is_small ? options.height : 256;
  card.interpolation = "antialias";
  if (card.channels != 3) return card;
  card.mean = kMean, card.std = kDeviation;
  if (is_small) card.origin["preprocessing"] = "assumed: ImageNet's mean and deviation; the file does not say";
  return card;
}

/// The arrays under our names, in MXNet's order: parameters, then statistics.
Arrays named_as_ours(const Arrays& arrays, const std::vector<Parameter>& parameters) {
  Arrays ours;
  for (const bool auxiliary : {false, true})
    for (const Parameter& parameter : parameters) {
      if (parameter.auxiliary != auxiliary) continue;
      const Array* array = find_array(arrays, torch_name(parameter.name));
      ours.push_back(
          float_array((auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, to_floats(*array).data()));
    }
  return ours;
}

}  // namespace

bool is_torch_name(const std::string& name) {
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](const char* ending) { return name.ends_with(ending); });
}

Artefact read_torch_file(Bytes bytes, const std::string& where) {
  Safetensors content = read_content(bytes, where);
  const Arrays arrays = with_usual_names(std::move(content.arrays));
  const TorchNetwork found = recognise_torch(arrays, where);

  Artefact artefact;
  artefact.graph = make_network(found.network, found.options);
  const NetworkOptions& options = found.options;
  artefact.arrays =
      named_as_ours(arrays, infer(artefact.graph, {1, options.channels, options.height, options.width}).parameters);
  if (const auto card = content.metadata.find(kCardKey); card != content.metadata.end()) {
    artefact.card = parse_card(card->second, where + ": " + kCardKey);
  } else {
    artefact.card = card_of(found);
  }
  artefact.source = where;
  return artefact;
}

Artefact read_torch_file(const Path& path) {
  const MappedFile file(path);
  return read_torch_file(file.bytes(), path.string());
}

}  // namespace lockstep::model

#include "lockstep/model/torch_names.h"

#include <array>

#include "lockstep/core/error.h"
#include "torch_file.h"

namespace lockstep::model {
namespace {

struct Suffix {
  std::string_view ours, torchs;
};
constexpr Suffix kSuffixes[] = {{"_weight", ".weight"},
                                {"_bias", ".bias"},
                                {"_gamma", ".weight"},
                                {"_beta", ".bias"},
                                {"_moving_mean", ".running_mean"},
                                {"_moving_var", ".running_var"}};

}  // namespace

std::string torch_name(const std::string& name) {
  const size_t begin = name.starts_with("arg:") || name.starts_with("aux:") ? 4 : 0;
  for (const auto& [ours, torchs] : kSuffixes)
    if (name.ends_with(ours)) return cat(name.substr(begin, name.size() - begin - ours.size()), torchs);
  return name.substr(begin);
}

Safetensors to_torch_names(const Artefact& artefact) {
  Safetensors content{artefact.arrays, {{"format", "pt"}, {kCardKey, card_text(artefact.card)}}};
  for (Array& array : content.arrays) array.name = torch_name(array.name);
  return content;
}

std::string network_text(const std::string& network, int64_t num_layers) {
  return num_layers > 0 ? cat(network, " with ", num_layers, " layers") : network;
}

}  // namespace lockstep::model

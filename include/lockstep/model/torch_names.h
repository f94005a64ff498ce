#pragma once

#include <cstdint>
#include <string>

#include "lockstep/model/artefact.h"
#include "lockstep/model/mxnet.h"

namespace lockstep::model {

/// What torch calls a parameter or statistic: layer1.0.bn1_gamma -> layer1.0.bn1.weight, conv1_weight -> conv1.weight,
/// bn1_moving_var -> bn1.running_var; `arg:` and `aux:` fall away. For resnet_v1 and mobilenet_v2 these are
/// torchvision's names.
std::string torch_name(const std::string& name);

/// The same weights for torch: its names, and in the metadata the card, so that read_artefact() gives back the same
/// model. torchvision's load_state_dict() takes them as they are.
Safetensors to_torch_names(const Artefact& artefact);

/// "resnet_v1 with 50 layers", "mobilenet_v2"
std::string network_text(const std::string& network, int64_t num_layers);

}  // namespace lockstep::model

#pragma once

#include <string>

#include "lockstep/model/array.h"
#include "lockstep/model/network.h"

namespace lockstep::model {

/// The usual names for the same thing made one: a prefix that all names share falls away (module.), linear becomes fc,
/// conv_1 conv1, stage_1 layer1, shortcut downsample; what torch counts and nobody needs is dropped.
Arrays tidy_torch_names(Arrays arrays);

struct TorchNetwork {
  std::string network;  ///< row of networks.def
  NetworkOptions options;
};

/// The network that has exactly these tensors, by torch's names and shapes. Data Error with `where`, the nearest
/// network and the first tensor that differs.
TorchNetwork recognise_torch(const Arrays& arrays, const std::string& where);

}  // namespace lockstep::model

#pragma once

#include <string>

#include "lockstep/model/array.h"
#include "lockstep/model/network.h"

namespace lockstep::model {

struct TorchNetwork {
  std::string network;  ///< row of networks.def
  NetworkOptions options;
};

/// The network that has exactly these tensors, by torch's names and shapes. Data Error with `where`, the nearest
/// network and the first tensor that differs.
TorchNetwork recognise_torch(const Arrays& arrays, const std::string& where);

}  // namespace lockstep::model

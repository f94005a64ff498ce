#pragma once

#include <string>

namespace lockstep::train {

/// LibTorch's version, as "2.11.0".
std::string torch_version();

}  // namespace lockstep::train

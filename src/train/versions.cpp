#include "lockstep/train/versions.h"

#include <torch/headeronly/version.h>

namespace lockstep::train {

std::string torch_version() { return TORCH_VERSION; }

}  // namespace lockstep::train

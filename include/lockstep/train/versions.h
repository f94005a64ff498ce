#pragma once

#include <string>

namespace lockstep::train {

/// LibTorch's version, as "2.11.0".
std::string torch_version();

/// What this process runs: "lockstep 0.1.0 (build 3554413ac7ed), LibTorch 2.11.0, Open MPI v4.1.4, ...". The build is
/// the linker's mark of the program's file, which two equal builds share; left out where it has none.
std::string describe_program();

}  // namespace lockstep::train

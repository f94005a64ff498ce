#pragma once

#include <string>

namespace lockstep::cli {

/// What `--version` prints: ours, then one line a library.
std::string versions();

}  // namespace lockstep::cli

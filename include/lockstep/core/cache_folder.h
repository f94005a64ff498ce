#pragma once

#include "lockstep/core/file.h"

namespace lockstep {

/// Where a machine keeps what it can get or measure again: $LOCKSTEP_CACHE, else $XDG_CACHE_HOME/lockstep, else
/// ~/.cache/lockstep; empty where none of them is set. It need not exist.
Path cache_folder();

}  // namespace lockstep

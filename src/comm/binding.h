#pragma once

#include <string>

#include "lockstep/comm/launch.h"

namespace lockstep::comm {

/// What to tell the user when this rank may run on one core only while others of its host idle; empty otherwise.
/// mpirun 4.1 binds each of one or two ranks to a single core unless it is told otherwise. Speaks for the first rank of
/// a host that a launcher started.
std::string describe_binding(const Launch& launch, int cores_of_rank, int cores_of_host);

/// The same for this process.
std::string describe_binding(const Launch& launch);

}  // namespace lockstep::comm

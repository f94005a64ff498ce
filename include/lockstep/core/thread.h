#pragma once

#include <string>

namespace lockstep {

/// The processor cores that this process may run on: its affinity mask, cut by the cgroup's CPU quota. At least 1.
int available_cores();

/// The name of the calling thread in `top -H` and debuggers; at most 15 characters are kept.
void name_thread(const std::string& name);

}  // namespace lockstep

#pragma once

#include <string>

namespace lockstep {

/// How many cores the system lets a process use.
struct CoreLimits {
  int mask = 1;      ///< in its affinity mask
  int group = 1;     ///< that its control group may use; without one all of the machine
  double quota = 0;  ///< time of that many cores for the whole group; 0: no limit
};
CoreLimits core_limits();

/// The processor cores that this process may run on: its affinity mask, cut by the cgroup's CPU quota. At least 1.
int available_cores();

/// The cores of each of `processes` that run alike on this host, in one control group. A mask that is smaller than the
/// group's cores was made for the one process; a whole mask, and the quota, are for all of them together. At least 1.
int cores_of_process(const CoreLimits& limits, int processes);
int cores_of_process(int processes);

/// The name of the calling thread in `top -H` and debuggers; at most 15 characters are kept.
void name_thread(const std::string& name);

}  // namespace lockstep

#include "binding.h"

#include <sched.h>
#include <unistd.h>

#include "lockstep/core/text.h"

namespace lockstep::comm {

std::string describe_binding(const Launch& launch, int cores_of_rank, int cores_of_host) {
  const bool idle = cores_of_rank == 1 && cores_of_host > launch.local_size;
  if (launch.launcher.empty() || launch.local_rank != 0 || !idle) return "";
  return cat(launch.local_size == 1 ? "this rank" : "each rank", " on ", launch.host, " is bound to one of its ",
             cores_of_host, " cores and the others idle: start with launch/mpirun, or give mpirun --bind-to none");
}

std::string describe_binding(const Launch& launch) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return "";
  return describe_binding(launch, CPU_COUNT(&mask), static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace lockstep::comm

#include "lockstep/core/thread.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include <pthread.h>
#include <sched.h>

namespace lockstep {
namespace {

/// CPUs that the control group grants (version 2, its own group as containers see it), or 0 when there is no limit.
double granted_by_cgroup() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::stod(quota) / period;
}

}  // namespace

int available_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = CPU_COUNT(&mask);
  if (const double granted = granted_by_cgroup(); granted > 0) cores = std::min(cores, static_cast<int>(granted + 0.5));
  return std::max(cores, 1);
}

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace lockstep

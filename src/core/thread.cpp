#include "lockstep/core/thread.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <pthread.h>
#include <sched.h>

#include "lockstep/core/text.h"

namespace lockstep {
namespace {

const std::filesystem::path kGroups = "/sys/fs/cgroup";

/// The folder of the control group that this process is in (version 2); in a container that is kGroups itself.
std::filesystem::path own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::/")) return kGroups / line.substr(4);
  return kGroups;
}

double quota_of(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::stod(quota) / period;
}

/// The cores in a list like "0-3,8"; 0 where there is none.
int cores_in_list(const std::filesystem::path& path) {
  std::ifstream file(path);
  int cores = 0;
  for (std::string range; std::getline(file, range, ',');) {
    const auto ends = split(trim(range), '-');
    const auto first = parse_integer(ends.front()), last = parse_integer(ends.back());
    if (first && last) cores += static_cast<int>(*last - *first + 1);
  }
  return cores;
}

}  // namespace

CoreLimits core_limits() {
  const int machine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  CoreLimits limits{.mask = machine, .group = machine};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) limits.mask = std::max(1, CPU_COUNT(&mask));
  const auto own = own_group();
  if (const int cores = cores_in_list(own / "cpuset.cpus.effective"); cores > 0) limits.group = cores;
  // A group has no more than those around it.
  for (auto group = own;; group = group.parent_path()) {
    if (const double quota = quota_of(group); quota > 0 && (limits.quota == 0 || quota < limits.quota))
      limits.quota = quota;
    if (group == kGroups || !group.has_relative_path()) break;
  }
  return limits;
}

int available_cores() { return cores_of_process(core_limits(), 1); }

int cores_of_process(const CoreLimits& limits, int processes) {
  const int sharers = std::max(1, processes);
  int cores = limits.mask < limits.group ? limits.mask : limits.mask / sharers;
  if (limits.quota > 0) cores = std::min(cores, static_cast<int>(limits.quota / sharers + 0.5));
  return std::max(cores, 1);
}

int cores_of_process(int processes) { return cores_of_process(core_limits(), processes); }

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace lockstep

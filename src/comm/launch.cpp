#include "lockstep/comm/launch.h"

#include <array>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <vector>

#include <unistd.h>

#include "backends.h"

namespace lockstep::comm {

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

namespace {

std::optional<int> number(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text || !*text) return std::nullopt;
  const auto value = parse_integer(text);
  require(value && *value >= 0 && *value <= 1 << 24, ErrorKind::kUsage, "the launcher's ", variable, "=", text,
          " is not a number of ranks; start again from a clean environment");
  return static_cast<int>(*value);
}

std::optional<int> first_number(std::initializer_list<const char*> variables) {
  for (const char* variable : variables)
    if (const auto value = number(variable)) return value;
  return std::nullopt;
}

/// Tasks on node `node` from Slurm's short form: "2(x3),1" means 2, 2, 2, 1.
std::optional<int> tasks_of_node(const std::string& text, int node) {
  for (const std::string& part : split(text, ',')) {
    const size_t open = part.find("(x");
    const auto tasks = parse_integer(part.substr(0, open));
    const auto nodes = open == std::string::npos ? std::optional<long long>(1)
                                                 : parse_integer(part.substr(open + 2, part.size() - open - 3));
    if (!tasks || !nodes) return std::nullopt;
    if (node < *nodes) return static_cast<int>(*tasks);
    node -= static_cast<int>(*nodes);
  }
  return std::nullopt;
}

std::optional<int> local_size_by_slurm(int size) {
  const char* tasks = std::getenv("SLURM_STEP_TASKS_PER_NODE");
  if (const auto node = number("SLURM_NODEID"); tasks && node) return tasks_of_node(tasks, *node);
  if (first_number({"SLURM_STEP_NUM_NODES", "SLURM_NNODES"}) == 1) return size;
  return number("SLURM_NTASKS_PER_NODE");
}

void require_consistent(const Launch& launch) {
  require(launch.size >= 1 && launch.rank < launch.size && launch.local_size >= 1 &&
              launch.local_rank < launch.local_size && launch.local_size <= launch.size,
          ErrorKind::kUsage, "the environment of ", launch.launcher, " contradicts itself: rank ", launch.rank, " of ",
          launch.size, ", local rank ", launch.local_rank, " of ", launch.local_size, " on ", launch.host,
          "; variables of another launch were probably exported: start again from a clean environment");
}

/// A second voice on the same rank must say the same.
void require_same(const Launch& launch, const char* variable) {
  const auto value = number(variable);
  require(!value || *value == launch.rank, ErrorKind::kUsage, launch.launcher, " says that this is rank ", launch.rank,
          " and ", variable, "=", value.value_or(0),
          "; one of them belongs to another launch: start again from a clean environment");
}

Launch by_mpirun(int rank) {
  const auto size = number("OMPI_COMM_WORLD_SIZE");
  require(size.has_value(), ErrorKind::kUsage,
          "OMPI_COMM_WORLD_RANK is set and OMPI_COMM_WORLD_SIZE is not; start with mpirun or unset it");
  Launch launch{rank, *size, 0, 1, host_name(), "mpirun"};
  launch.local_size = number("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(1);
  launch.local_rank = number("OMPI_COMM_WORLD_LOCAL_RANK").value_or(0);
  require_same(launch, "PMIX_RANK");
  return launch;
}

Launch by_srun(int size) {
  const auto rank = number("SLURM_PROCID");
  require(rank.has_value(), ErrorKind::kUsage,
          "SLURM_STEP_NUM_TASKS is set and SLURM_PROCID is not; start with srun or unset it");
  Launch launch{*rank, size, 0, 1, host_name(), "srun"};
  launch.local_rank = number("SLURM_LOCALID").value_or(0);
  launch.local_size = local_size_by_slurm(size).value_or(launch.local_rank + 1);
  require_same(launch, "PMIX_RANK");
  return launch;
}

}  // namespace

Launch discover_launch() {
  Launch launch;
  launch.host = host_name();
  // mpirun inside a Slurm job starts its daemons by srun, whose variables the ranks inherit: Open MPI's come first.
  if (const auto rank = number("OMPI_COMM_WORLD_RANK")) {
    launch = by_mpirun(*rank);
  } else if (const auto tasks = number("SLURM_STEP_NUM_TASKS");
             tasks && first_number({"SLURM_STEP_ID", "SLURM_STEPID"})) {
    // Only a step has tasks: a batch script itself also sees SLURM_PROCID=0 and SLURM_NTASKS.
    launch = by_srun(*tasks);
  } else {
    require(number("PMI_SIZE").value_or(1) == 1, ErrorKind::kUsage,
            "the launcher set PMI_SIZE=", number("PMI_SIZE").value_or(1),
            " but nothing of Open MPI's: it belongs to another MPI; use launch/mpirun or srun");
  }
  require_consistent(launch);
  return launch;
}

}  // namespace lockstep::comm

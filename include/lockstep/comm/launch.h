#pragma once

#include <algorithm>
#include <string>

namespace lockstep::comm {

/// Where this process stands in the run: from Open MPI's or Slurm's environment, one rank of one otherwise.
struct Launch {
  int rank = 0, size = 1;              ///< in the whole run
  int local_rank = 0, local_size = 1;  ///< on this host
  std::string host;                    ///< its name
  std::string launcher;                ///< "mpirun", "srun" or "" (started by hand)
  int host_count = 0;                  ///< 0 until MPI has counted them
  /// The number of hosts; before MPI has counted them as if all had as many ranks as this one.
  int hosts() const { return host_count > 0 ? host_count : (size + local_size - 1) / std::max(1, local_size); }
};

/// Reads OMPI_COMM_WORLD_* / PMIX_* / SLURM_*; usage Error when they contradict each other. The MPI backend corrects
/// local_rank, local_size, host and the number of hosts by asking MPI.
Launch discover_launch();

/// "Open MPI v4.1.4". Any time, any thread.
std::string mpi_version();

}  // namespace lockstep::comm

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/core/table.h"

namespace lockstep::comm {

using MakeBackend = std::unique_ptr<Communicator> (*)(const Launch& launch, double timeout_seconds);

#define BACKEND(name, maker, help) std::unique_ptr<Communicator> maker(const Launch& launch, double timeout_seconds);
#include "lockstep/comm/backends.def"
#undef BACKEND

/// A communicator and questions to it that may be asked beside its collectives. The functions are for any thread, and
/// may outlive it.
struct Listening {
  std::unique_ptr<Communicator> communicator;
  std::function<void()> check;                ///< throws the reason once the communicator is dead
  std::function<void(int64_t number)> tell;   ///< how far this rank has come, for all that ask; never waits
  std::function<std::vector<int64_t>()> ask;  ///< how far each rank has come, in rank order; kNoAnswer where it does
                                              ///< not say so within a second; empty where nobody could be asked
  static constexpr int64_t kNoAnswer = -1;
};

/// MPI that hears of other ranks' aborts and questions also while no collective runs. All ranks together.
Listening make_listening_mpi(const Launch& launch, double timeout_seconds);

/// The same of ranks that are threads.
std::vector<Listening> make_listening_threads(int size, double timeout_seconds, int hosts = 1);

/// NCCL for device memory over a communicator that carries host memory and joins the ranks. Also for ranks that are
/// threads, each with a GPU of its own. usage Error in a program built without CUDA.
std::unique_ptr<Communicator> make_nccl_over(Listening host, double timeout_seconds);

/// The rows of backends.def.
std::span<const Entry<MakeBackend>> backends();

std::string host_name();
std::string describe(const Launch& launch);                   ///< "rank 1 (host)"
std::string describe(const char* collective, Buffer buffer);  ///< "allreduce of 4.0 MB"
std::string describe_missing(const std::vector<int>& ranks);  ///< "not there yet: rank 1, rank 3", or empty

}  // namespace lockstep::comm

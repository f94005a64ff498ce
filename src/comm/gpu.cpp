#include "lockstep/comm/gpu.h"

#include <map>

#include "lockstep/core/error.h"

#ifdef LOCKSTEP_CUDA
#include <array>

#include "cuda_calls.h"
#endif

namespace lockstep::comm {
namespace {

/// The GPU that the launch alone gives to this rank.
int index_of(const Launch& launch, int visible) { return visible == 1 ? 0 : launch.local_rank; }

#ifdef LOCKSTEP_CUDA

constexpr const char* kWhyNone = "check nvidia-smi, CUDA_VISIBLE_DEVICES and the launcher's GPU options";

std::string bus_id(int index) {
  std::array<char, 32> text{};
  require_success(cudaDeviceGetPCIBusId(text.data(), text.size(), index), "cudaDeviceGetPCIBusId");
  return text.data();
}

#else

constexpr const char* kWhyNone = "this program was built without CUDA; launch/setup --cuda";

std::string bus_id(int) { return ""; }

#endif

/// Empty instead of an Error, which must wait until the other ranks can be told.
std::string place_of(const Launch& launch, int visible) {
  if (index_of(launch, visible) >= visible) return "";
  try {
    return cat(launch.host, " ", bus_id(index_of(launch, visible)));
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

int choose_gpu(const Launch& launch, int visible, const std::vector<std::string>& places) {
  require(visible > 0, ErrorKind::kDevice, "rank ", launch.rank, " sees no GPU on ", launch.host, ": ", kWhyNone);
  require(visible == 1 || visible >= launch.local_size, ErrorKind::kDevice, launch.host, " has ", launch.local_size,
          " ranks and ", visible, " visible GPUs, and each rank needs one of its own; start at most ", visible,
          " ranks a host, or let the launcher give each rank its GPU (srun --gpus-per-task=1)");
  std::map<std::string, size_t> owners;
  for (size_t rank = 0; rank < places.size(); ++rank) {
    const std::string& place = places[rank];
    require(!place.empty(), ErrorKind::kDevice, "rank ", rank, " has no GPU; its own message says why");
    const auto [owner, is_first] = owners.emplace(place, rank);
    require(is_first, ErrorKind::kDevice, "rank ", owner->second, " and rank ", rank, " are on the same GPU (", place,
            "); each needs one of its own: start fewer ranks a host, or let the launcher give each rank its GPU "
            "(srun --gpus-per-task=1)");
  }
  return index_of(launch, visible);
}

int choose_gpu(const Launch& launch, Communicator& communicator) {
  const int visible = visible_gpus();
  return choose_gpu(launch, visible, gather_texts(communicator, place_of(launch, visible)));
}

#ifdef LOCKSTEP_CUDA

int visible_gpus() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());  // no driver: an answer here, not a failure of whoever asks CUDA next
  return 0;
}

std::string describe_gpu(int index) {
  cudaDeviceProp properties{};
  require_success(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return cat(properties.name, ", ", bytes_text(static_cast<double>(properties.totalGlobalMem)), ", ", bus_id(index));
}

size_t memory_of_gpu(int index) {
  cudaDeviceProp properties{};
  require_success(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return properties.totalGlobalMem;
}

std::shared_ptr<void> pinned_memory(size_t bytes) {
  void* memory = nullptr;
  require_success(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), "cudaHostAlloc");
  return {memory, [](void* pinned) { static_cast<void>(cudaFreeHost(pinned)); }};
}

#else

size_t memory_of_gpu(int index) { fail(ErrorKind::kDevice, "there is no GPU ", index, ": ", kWhyNone); }
std::shared_ptr<void> pinned_memory(size_t) { fail(ErrorKind::kDevice, "there is no GPU: ", kWhyNone); }
int visible_gpus() noexcept { return 0; }

std::string describe_gpu(int index) { fail(ErrorKind::kDevice, "there is no GPU ", index, ": ", kWhyNone); }

#endif

}  // namespace lockstep::comm

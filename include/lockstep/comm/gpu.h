#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// The GPUs that this process may use: 0 without one, without a driver, and in a program built without CUDA. Any
/// thread.
int visible_gpus() noexcept;

/// The index of this rank's GPU. All ranks call; a device Error of one is an Error of all.
int choose_gpu(const Launch& launch, Communicator& communicator);

/// The decision of choose_gpu(): the only visible GPU (a launcher gave each rank its own), else the one with the number
/// of the rank on its host. `places` has for each rank "host bus-id" of the GPU that this rule gives it, or "" where
/// there is none. device Error when this host has fewer GPUs than ranks, when a rank has none, and when two ranks meet
/// on one GPU.
int choose_gpu(const Launch& launch, int visible, const std::vector<std::string>& places);

/// "NVIDIA H100 80GB HBM3, 79.6 GB, 0000:17:00.0". device Error when there is no such GPU.
std::string describe_gpu(int index);

/// Bytes of its memory.
size_t memory_of_gpu(int index);

/// Page-locked host memory, from which a GPU copies while the host goes on; the pointer owns it.
std::shared_ptr<void> pinned_memory(size_t bytes);

}  // namespace lockstep::comm

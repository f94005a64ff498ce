#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "update_kernel.h"

namespace lockstep::optim {

/// The kernel of one rule on one GPU, with the table of what it updates in the GPU's memory.
class GpuUpdate {
 public:
  /// Compiles; takes about a second. Not while a CUDA graph is captured. Device Error where NVRTC or the device
  /// refuses, or where the program was built without CUDA.
  GpuUpdate(const Formula& formula, const std::vector<Chunk>& chunks, const at::Device& device);
  ~GpuUpdate();
  GpuUpdate(const GpuUpdate&) = delete;
  GpuUpdate& operator=(const GpuUpdate&) = delete;

  /// Enqueues one update on this thread's stream: one launch, nothing else, so that a CUDA graph can hold it. One
  /// stream at a time.
  void run(UpdateBuffers buffers) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether this thread's stream is being captured into a CUDA graph; false without CUDA.
bool is_captured();

}  // namespace lockstep::optim

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "lockstep/comm/communicator.h"

namespace at {
class Tensor;
}

namespace lockstep::train {

/// From now on this thread's work goes to that GPU, on a stream that can be captured, with cuDNN's fastest algorithms,
/// or only those that repeat bit for bit. Device Error where it cannot be used, or where the program was built without
/// CUDA.
void use_gpu(int index, bool deterministic);

/// The elements of a flat float tensor, with the stream that this thread's work on them goes to.
comm::Buffer flat_buffer(const at::Tensor& flat);

/// Bytes of the device of this index; -1: that this process may take of the host's memory, by its limits and its
/// cgroup's.
size_t memory_of_device(int gpu);

/// Work of a device that was recorded once. replay() does it again, with what the same memory holds by then.
struct Recording {
  std::function<void()> replay;
  int64_t nodes = 0;
};

/// The work that `work` gives to this thread's stream as a CUDA graph; nothing of it is done. It must have run a few
/// times before, must wait for nothing, and must take nothing from host memory. The graph keeps memory of its own:
/// device Error where not as much again stays free, which the work needs when it is not replayed. Throws what `work`
/// throws, too; the stream and LibTorch are then as before.
Recording record_graph(const std::function<void()>& work);

/// A small tensor of a GPU on its way to the host; of a CPU it is there at once. It may change afterwards.
class Readback {
 public:
  explicit Readback(const at::Tensor& values);  ///< enqueues; never waits
  Readback(Readback&&) noexcept;
  Readback& operator=(Readback&&) noexcept;
  ~Readback();
  /// Waits until it has arrived: float, in host memory.
  const at::Tensor& take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::train

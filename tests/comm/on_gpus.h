#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <cuda_runtime_api.h>

#include "backends.h"
#include "comm/contract.h"
#include "lockstep/core/error.h"
#include "support/expect_error.h"

// Ranks that are threads, each with a GPU.
namespace lockstep::test {

using comm::Buffer;
using comm::Communicator;
using comm::Device;
using comm::Op;
using comm::Pending;

inline void require_cuda(cudaError_t code) {
  require(code == cudaSuccess, ErrorKind::kDevice, cudaGetErrorString(code));
}

/// Moves host buffers through the memory of the rank's GPU, so that the contract's functions try device memory. All
/// copies are on one stream, which nobody waits for before the end: order is kept by the communicator alone.
class OnDevice : public Communicator {
 public:
  explicit OnDevice(Communicator& device) : device_(device) {
    launch_ = device.launch();
    require_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, 0));
  }
  ~OnDevice() override {
    cudaStreamSynchronize(stream_);  // copies of a collective that failed
    cudaStreamDestroy(stream_);
  }

  Pending start_allreduce(Buffer buffer, Op op) override {
    const Buffer there = to_device(buffer);
    auto pending = std::make_shared<Pending>(device_.start_allreduce(there, op));
    return Pending([=, this] {
      pending->wait();
      from_device(buffer, there);
    });
  }
  void broadcast(Buffer buffer, int root) override {
    const Buffer there = to_device(buffer);
    device_.broadcast(there, root);
    from_device(buffer, there);
  }
  void allgather(Buffer mine, Buffer all) override {
    const Buffer mine_there = to_device(mine), all_there = to_device(all);
    device_.allgather(mine_there, all_there);
    from_device(all, all_there);
    from_device(mine, mine_there);
  }
  void barrier() override { device_.barrier(); }
  void abort(const std::string& reason) noexcept override { device_.abort(reason); }

 private:
  Buffer to_device(Buffer buffer) const {
    Buffer there = buffer;
    require_cuda(cudaMalloc(&there.data, buffer.bytes() + 1));
    require_cuda(cudaMemcpyAsync(there.data, buffer.data, buffer.bytes(), cudaMemcpyHostToDevice, stream_));
    there.where = Device::kCuda;
    there.stream = stream_;
    return there;
  }
  void from_device(Buffer buffer, Buffer there) const {
    require_cuda(cudaMemcpyAsync(buffer.data, there.data, buffer.bytes(), cudaMemcpyDeviceToHost, stream_));
    require_cuda(cudaStreamSynchronize(stream_));
    require_cuda(cudaFree(there.data));
  }

  Communicator& device_;
  cudaStream_t stream_ = nullptr;
};

/// `action` on ranks that are threads, each with the backend "nccl" over the backend "threads".
inline void run_on_gpus(int size, const std::function<void(Communicator&)>& action, double timeout_seconds = 60) {
  auto hosts = comm::make_listening_threads(size, timeout_seconds);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        const auto communicator = comm::make_nccl_over(std::move(hosts[rank]), timeout_seconds);
        action(*communicator);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
      }
    });
  for (auto& thread : threads) thread.join();
}

/// Rounds of one collective until it throws; device memory learns of a failure a little later.
inline std::string message_of_the_end(Communicator& communicator) {
  std::vector<float> values(1000);
  OnDevice on_device(communicator);
  return expect_error(ErrorKind::kComm, [&] {
    while (true) on_device.allreduce(comm::buffer(values));
  });
}

}  // namespace lockstep::test

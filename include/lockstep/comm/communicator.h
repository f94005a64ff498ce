#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lockstep/comm/launch.h"

namespace lockstep::comm {

enum class DType { kUint8, kInt32, kInt64, kFloat32, kFloat64 };
size_t size_of(DType dtype);

enum class Device { kHost, kCuda };
enum class Op { kSum, kMin, kMax };

/// Memory that a collective reads and writes. The caller owns it and leaves it alone until the collective is done.
struct Buffer {
  void* data = nullptr;
  size_t count = 0;  ///< elements
  DType dtype = DType::kFloat32;
  Device where = Device::kHost;
  /// Device memory only: the caller's cudaStream_t. The collective begins after the work that the stream holds when it
  /// is started, and waiting for it makes the stream wait: the host goes on. nullptr is CUDA's default stream.
  void* stream = nullptr;
  size_t bytes() const { return count * size_of(dtype); }
};
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::kUint8;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::kInt32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::kInt64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kFloat64;
}
template <class T>
Buffer buffer(std::vector<T>& values) {
  return {values.data(), values.size(), dtype_of<T>()};
}

/// A collective that was started and may still run. wait() returns when it is done - for device memory when the
/// buffer's stream is bound to wait for it - or throws what went wrong. It must be called once, before the buffer and
/// the communicator die.
class Pending {
 public:
  Pending() = default;
  explicit Pending(std::function<void()> wait) : wait_(std::move(wait)) {}
  void wait() {
    if (wait_) std::exchange(wait_, nullptr)();
  }

 private:
  std::function<void()> wait_;
};

/// Moves buffers between all ranks of the run. It knows no tensors.
///
/// All ranks call the same collectives with the same counts and types in the same order; one thread a rank calls. Every
/// wait has the time limit of the constructor: after it, or when a rank aborted, each waiting call throws a comm Error
/// that names this rank, the collective, its number, and the seconds waited (and the rank that aborted with its reason,
/// where that is known). After a comm Error the communicator is dead: the process prints and leaves by _exit.
///
/// Sums of host memory are taken in a fixed order, whatever the size of the buffer: the ranks of a host in rank order,
/// then the hosts in the order of their first ranks. The same inputs on the same placement of ranks give the same bits
/// on every rank and in every run. NCCL promises the same bits on every rank, and on every run of the same machines
/// with the same NCCL and NCCL_* variables.
///
/// Device memory is for the backend "nccl" only. Its collectives do not hold up the host, so an error may come to light
/// after wait() has returned: every later call throws it, and what the device computes from then on is worthless.
///
/// A collective whose stream is being captured into a CUDA graph is only recorded, for all ranks or for none. It runs
/// when the graph is launched, again on all ranks or on none; expect() must follow, since nothing else would notice
/// that it never ends. Such graphs are destroyed before the communicator.
class Communicator {
 public:
  virtual ~Communicator() = default;

  const Launch& launch() const { return launch_; }
  int rank() const { return launch_.rank; }
  int size() const { return launch_.size; }

  /// In place over all ranks; several may be pending at once and are done in the order in which they were started.
  virtual Pending start_allreduce(Buffer buffer, Op op) = 0;
  /// From root's buffer into everybody's.
  virtual void broadcast(Buffer buffer, int root) = 0;
  /// `all` = the `mine` of rank 0, of rank 1, ...: all.count = size() * mine.count.
  virtual void allgather(Buffer mine, Buffer all) = 0;
  virtual void barrier() = 0;
  /// Device memory: `stream` (a cudaStream_t) was just given work with recorded collectives in it. It is watched like a
  /// collective: time limit, errors, aborts. what: "replay of the step", a literal.
  /// Nothing happens where there is only host memory.
  virtual void expect(void* /*stream*/, const char* /*what*/) {}
  /// Wakes every rank that waits, now and later, with this reason. Any thread; never throws; does not wait for the
  /// others.
  virtual void abort(const std::string& reason) noexcept = 0;
  /// Total of the time during which a collective that start_allreduce() began was being moved, waiting for the slowest
  /// rank included; one that was queued behind another does not count twice. Holds what is done, device memory up to
  /// some milliseconds ago; without recorded ones. Any thread.
  virtual double seconds_exchanging() const { return 0; }

  void allreduce(Buffer buffer, Op op = Op::kSum) { start_allreduce(buffer, op).wait(); }

 protected:
  Launch launch_;
};

/// One text from each rank, in rank order, on every rank.
std::vector<std::string> gather_texts(Communicator& communicator, const std::string& mine);

/// Backend by its row in backends.def: "local" (one rank), "mpi", "nccl" (device memory by NCCL, host memory as by mpi,
/// or local for one rank). "auto": mpi under a launcher with more than one rank, else local.
std::unique_ptr<Communicator> make_communicator(const std::string& backend, const Launch& launch,
                                                double timeout_seconds);

/// `size` ranks as threads of this process (the backend "threads"): tests and the contract of the others. They say that
/// they are on so many hosts, which divide them evenly.
std::vector<std::unique_ptr<Communicator>> make_thread_communicators(int size, double timeout_seconds, int hosts = 1);

}  // namespace lockstep::comm

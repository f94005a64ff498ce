#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// Collectives between the ranks of one host through memory that all of them map. Sums are taken in rank order: each
/// rank sums one slice of all ranks' numbers.
///
/// `slot_bytes` is how much of a buffer passes at a time: what slot_bytes() says for the ranks of a host, and for the
/// fullest one where hosts go on together (Between).
///
/// The region: for each rank 128 bytes {uint32 arrived, uint32 sleepers}, then two sets of one slot a rank. Large
/// buffers pass in chunks of a slot; the sets alternate, so that a rank may fill one while another still reads the
/// other. One thread a rank calls. A rank that waits spins for some microseconds and then sleeps, and calls `check`
/// every few milliseconds, which ends the wait by throwing.
class SharedMemory {
 public:
  /// A step between the sum of this host and its distribution, run by rank 0 alone on the summed numbers.
  using Between = std::function<void(void* data, size_t count)>;

  static size_t slot_bytes(int size);
  static size_t region_bytes(int size, size_t slot_bytes);
  /// The region is zero (see prepare()) and outlives this object.
  SharedMemory(std::byte* region, int rank, int size, size_t slot_bytes, std::function<void()> check);
  /// Clears the region; one rank calls, before any rank makes a SharedMemory of it.
  static void prepare(std::byte* region, int size);

  void allreduce(Buffer buffer, Op op, const Between& between = {});
  void broadcast(Buffer buffer, int root);
  void allgather(Buffer mine, Buffer all);
  void barrier();
  /// The ranks that have come less far than this one: who is missing in the collective that does not end. Any thread.
  std::vector<int> behind() const;

 private:
  struct Mark;
  Mark& mark(int rank) const;
  std::byte* slot(int rank) const;
  void wait_for(int rank, uint32_t arrived);
  void sum_slice(DType dtype, Op op, size_t count);

  std::byte* region_;
  int rank_, size_;
  size_t slot_bytes_;
  std::function<void()> check_;
  uint32_t turn_ = 0;  // chunks passed so far: even ones use the first set
  std::atomic<uint32_t> arrived_ = 0;
};

}  // namespace lockstep::comm

#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// What a rank does with its slice of the host's sum where there are other hosts. Some slices are on their way while
/// the host sums the next.
class Between {
 public:
  static constexpr size_t kMost = 2;  // slices on their way

  virtual ~Between() = default;
  /// The slice, perhaps of no element, is under way until finish().
  virtual void start(Buffer slice, Op op) = 0;
  /// Returns once the slice that has been under way for longest holds the sum of all hosts.
  virtual void finish() = 0;
};

/// How the ranks of a host divide their sums, and those of other hosts alike where there are some.
struct Division {
  size_t slot_bytes;  // of a buffer at a time
  int slices;         // a rank sums one each; the last ranks none where another host has fewer
};

/// Collectives between the ranks of one host through memory that all of them map. Sums are taken in rank order: each
/// rank sums one slice of all ranks' numbers.
///
/// The region: for each rank 128 bytes {uint32 arrived, uint32 sleepers}, then four sets of one slot a rank. Large
/// buffers pass in chunks of a slot, each through the next set, so that a rank may fill one while the sums of others
/// are on their way and still others are read: all ranks meet once a chunk. One thread a rank calls. A rank that waits
/// spins for some microseconds and then sleeps, and calls `check` every few milliseconds, which ends the wait by
/// throwing, or which says by true that it should be called soon again.
class SharedMemory {
 public:
  /// For hosts of at most `most` ranks and at least `least`.
  static Division divide(int most, int least);
  static size_t region_bytes(int size, size_t slot_bytes);
  /// The region is zero (see prepare()) and outlives this object.
  SharedMemory(std::byte* region, int rank, int size, Division division, std::function<bool()> check);
  /// Clears the region; one rank calls, before any rank makes a SharedMemory of it.
  static void prepare(std::byte* region, int size);

  void allreduce(Buffer buffer, Op op, Between* between = nullptr);
  void broadcast(Buffer buffer, int root);
  void allgather(Buffer mine, Buffer all);
  void barrier();
  /// The ranks that have come less far than this one: who is missing in the collective that does not end. Any thread.
  std::vector<int> behind() const;

 private:
  struct Mark;
  Mark& mark(int rank) const;
  std::byte* slot(uint32_t turn, int rank) const;
  void wait_for(int rank, uint32_t arrived);
  Buffer sum_slice(uint32_t turn, DType dtype, Op op, size_t count);

  std::byte* region_;
  int rank_, size_;
  Division division_;
  std::function<bool()> check_;
  uint32_t turn_ = 0;  // chunks passed so far
  std::atomic<uint32_t> arrived_ = 0;
};

}  // namespace lockstep::comm

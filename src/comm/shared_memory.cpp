#include "shared_memory.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "combine.h"
#include "lockstep/core/error.h"

namespace lockstep::comm {
namespace {

constexpr size_t kMarkBytes = 128;  // two cache lines: neighbouring lines are fetched in pairs
constexpr size_t kPage = 4096;
constexpr int kSpins = 1000;                   // about 20 microseconds
constexpr long kCheckNanoseconds = 5'000'000;  // how soon a waiting rank notices an abort
constexpr size_t kBlockBytes = 16 << 10;       // stays in the first-level cache while all ranks are added to it

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void sleep_while(std::atomic<uint32_t>& word, uint32_t value) {
  const timespec limit{0, kCheckNanoseconds};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &limit, nullptr, 0);
}

void wake_all(std::atomic<uint32_t>& word) { ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

bool reached(uint32_t have, uint32_t wanted) { return static_cast<int32_t>(have - wanted) >= 0; }

/// The buffer in pieces of at most `limit` bytes: action(first element, elements).
template <class Action>
void for_chunks(size_t count, DType dtype, size_t limit, Action action) {
  const size_t step = limit / size_of(dtype);
  for (size_t begin = 0; begin < count; begin += step) action(begin, std::min(step, count - begin));
}

std::byte* at(const Buffer& buffer, size_t element) {
  return static_cast<std::byte*>(buffer.data) + element * size_of(buffer.dtype);
}

}  // namespace

struct SharedMemory::Mark {
  std::atomic<uint32_t> arrived;   // barriers that the rank has entered
  std::atomic<uint32_t> sleepers;  // ranks that sleep until it does
};

size_t SharedMemory::slot_bytes(int size) {
  // Containers often have no more than 64 MB of shared memory: many ranks take smaller slots.
  const size_t share = (size_t{32} << 20) / (2 * static_cast<size_t>(size));
  return std::clamp(share / kPage * kPage, size_t{64} << 10, size_t{1} << 19);
}

size_t SharedMemory::region_bytes(int size, size_t slot_bytes) {
  return round_up(kMarkBytes * size, kPage) + 2 * static_cast<size_t>(size) * slot_bytes;
}

void SharedMemory::prepare(std::byte* region, int size) { std::memset(region, 0, round_up(kMarkBytes * size, kPage)); }

SharedMemory::SharedMemory(std::byte* region, int rank, int size, size_t slot_bytes, std::function<void()> check)
    : region_(region), rank_(rank), size_(size), slot_bytes_(slot_bytes), check_(std::move(check)) {
  static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(Mark) <= kMarkBytes);
}

SharedMemory::Mark& SharedMemory::mark(int rank) const { return *reinterpret_cast<Mark*>(region_ + kMarkBytes * rank); }

std::byte* SharedMemory::slot(int rank) const {
  const size_t index = static_cast<size_t>(turn_ % 2) * size_ + rank;
  return region_ + round_up(kMarkBytes * size_, kPage) + index * slot_bytes_;
}

void SharedMemory::barrier() {
  check_();
  const uint32_t arrived = ++arrived_;
  Mark& mine = mark(rank_);
  mine.arrived.store(arrived);
  // Sequentially consistent on both sides: either we see the sleeper, or the sleeper sees our arrival.
  if (mine.sleepers.load() > 0) wake_all(mine.arrived);
  for (int rank = 0; rank < size_; ++rank)
    if (rank != rank_) wait_for(rank, arrived);
}

void SharedMemory::wait_for(int rank, uint32_t arrived) {
  Mark& other = mark(rank);
  for (int i = 0; i < kSpins; ++i) {
    if (reached(other.arrived.load(std::memory_order_acquire), arrived)) return;
    pause();
  }
  while (true) {
    ++other.sleepers;
    const uint32_t seen = other.arrived.load();
    if (!reached(seen, arrived)) sleep_while(other.arrived, seen);
    --other.sleepers;
    if (reached(other.arrived.load(), arrived)) return;
    check_();
  }
}

std::vector<int> SharedMemory::behind() const {
  std::vector<int> ranks;
  for (int rank = 0; rank < size_; ++rank)
    if (!reached(mark(rank).arrived.load(), arrived_.load())) ranks.push_back(rank);
  return ranks;
}

void SharedMemory::allreduce(Buffer buffer, Op op, const Between& between) {
  for_chunks(buffer.count, buffer.dtype, slot_bytes_, [&](size_t begin, size_t count) {
    const size_t bytes = count * size_of(buffer.dtype);
    std::memcpy(slot(rank_), at(buffer, begin), bytes);
    barrier();
    sum_slice(buffer.dtype, op, count);
    barrier();
    if (between) {
      if (rank_ == 0) between(slot(0), count);
      barrier();
    }
    std::memcpy(at(buffer, begin), slot(0), bytes);
    ++turn_;
  });
}

void SharedMemory::sum_slice(DType dtype, Op op, size_t count) {
  const size_t width = size_of(dtype), block = kBlockBytes / width;
  // Slices begin at cache lines, so that no two ranks write to one.
  const size_t share = round_up((count + size_ - 1) / size_, 64 / width);
  const size_t end = std::min(count, share * (rank_ + 1));
  for (size_t begin = share * rank_; begin < end; begin += block)
    for (int rank = 1; rank < size_; ++rank)
      combine(op, dtype, slot(0) + begin * width, slot(rank) + begin * width, std::min(block, end - begin));
}

void SharedMemory::broadcast(Buffer buffer, int root) {
  for_chunks(buffer.count, buffer.dtype, slot_bytes_, [&](size_t begin, size_t count) {
    const size_t bytes = count * size_of(buffer.dtype);
    if (rank_ == root) std::memcpy(slot(root), at(buffer, begin), bytes);
    barrier();
    if (rank_ != root) std::memcpy(at(buffer, begin), slot(root), bytes);
    ++turn_;
  });
}

void SharedMemory::allgather(Buffer mine, Buffer all) {
  for_chunks(mine.count, mine.dtype, slot_bytes_, [&](size_t begin, size_t count) {
    const size_t bytes = count * size_of(mine.dtype);
    std::memcpy(slot(rank_), at(mine, begin), bytes);
    barrier();
    for (int rank = 0; rank < size_; ++rank) std::memcpy(at(all, rank * mine.count + begin), slot(rank), bytes);
    ++turn_;
  });
}

}  // namespace lockstep::comm

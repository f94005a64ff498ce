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
constexpr long kSoonNanoseconds = 100'000;     // and moves on what is under way between hosts
constexpr uint32_t kSets = Between::kMost + 2;
constexpr size_t kBlockBytes = 16 << 10;  // stays in the first-level cache while all ranks are added to it

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void sleep_while(std::atomic<uint32_t>& word, uint32_t value, long nanoseconds) {
  const timespec limit{0, nanoseconds};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &limit, nullptr, 0);
}

void wake_all(std::atomic<uint32_t>& word) { ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

bool reached(uint32_t have, uint32_t wanted) { return static_cast<int32_t>(have - wanted) >= 0; }

/// A buffer in pieces of at most `limit` bytes.
struct Chunks {
  Chunks(const Buffer& whole, size_t limit) : buffer(whole), step(limit / size_of(whole.dtype)) {}

  size_t size() const { return (buffer.count + step - 1) / step; }
  size_t begin(size_t i) const { return i * step; }
  size_t count(size_t i) const { return std::min(step, buffer.count - begin(i)); }
  size_t bytes(size_t i) const { return count(i) * size_of(buffer.dtype); }
  std::byte* data(size_t i) const { return static_cast<std::byte*>(buffer.data) + begin(i) * size_of(buffer.dtype); }

  Buffer buffer;
  size_t step;
};

}  // namespace

struct SharedMemory::Mark {
  std::atomic<uint32_t> arrived;   // barriers that the rank has entered
  std::atomic<uint32_t> sleepers;  // ranks that sleep until it does
};

Division SharedMemory::divide(int most, int least) {
  // Containers often have no more than 64 MB of shared memory: many ranks take smaller slots.
  const size_t share = (size_t{32} << 20) / (kSets * static_cast<size_t>(most));
  return {std::clamp(share / kPage * kPage, size_t{64} << 10, size_t{1} << 19), least};
}

size_t SharedMemory::region_bytes(int size, size_t slot_bytes) {
  return round_up(kMarkBytes * size, kPage) + kSets * static_cast<size_t>(size) * slot_bytes;
}

void SharedMemory::prepare(std::byte* region, int size) { std::memset(region, 0, round_up(kMarkBytes * size, kPage)); }

SharedMemory::SharedMemory(std::byte* region, int rank, int size, Division division, std::function<bool()> check)
    : region_(region), rank_(rank), size_(size), division_(division), check_(std::move(check)) {
  static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(Mark) <= kMarkBytes);
}

SharedMemory::Mark& SharedMemory::mark(int rank) const { return *reinterpret_cast<Mark*>(region_ + kMarkBytes * rank); }

std::byte* SharedMemory::slot(uint32_t turn, int rank) const {
  const size_t index = static_cast<size_t>(turn % kSets) * size_ + rank;
  return region_ + round_up(kMarkBytes * size_, kPage) + index * division_.slot_bytes;
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
    const bool soon = check_();
    ++other.sleepers;
    const uint32_t seen = other.arrived.load();
    if (!reached(seen, arrived)) sleep_while(other.arrived, seen, soon ? kSoonNanoseconds : kCheckNanoseconds);
    --other.sleepers;
    if (reached(other.arrived.load(), arrived)) return;
  }
}

std::vector<int> SharedMemory::behind() const {
  std::vector<int> ranks;
  for (int rank = 0; rank < size_; ++rank)
    if (!reached(mark(rank).arrived.load(), arrived_.load())) ranks.push_back(rank);
  return ranks;
}

void SharedMemory::allreduce(Buffer buffer, Op op, Between* between) {
  const Chunks chunks(buffer, division_.slot_bytes);
  // A chunk is read `lag` chunks behind the one that is filled; when all have met again, nobody reads it any more.
  const size_t lag = between ? Between::kMost : 1;
  const uint32_t first = turn_;
  const auto turn_of = [first](size_t i) { return first + static_cast<uint32_t>(i); };
  const auto finish = [between] {
    if (between) between->finish();
  };
  const auto read = [&](size_t i) { std::memcpy(chunks.data(i), slot(turn_of(i), 0), chunks.bytes(i)); };

  for (size_t i = 0; i < chunks.size(); ++i) {
    std::memcpy(slot(turn_of(i), rank_), chunks.data(i), chunks.bytes(i));
    if (i >= lag) finish();
    barrier();
    const Buffer slice = sum_slice(turn_of(i), buffer.dtype, op, chunks.count(i));
    if (between) between->start(slice, op);
    if (i >= lag) read(i - lag);
  }
  const size_t left = std::min(lag, chunks.size());
  for (size_t i = 0; i < left; ++i) finish();
  if (left > 0) barrier();
  for (size_t i = chunks.size() - left; i < chunks.size(); ++i) read(i);
  turn_ = turn_of(chunks.size());
}

Buffer SharedMemory::sum_slice(uint32_t turn, DType dtype, Op op, size_t count) {
  const size_t width = size_of(dtype), block = kBlockBytes / width, slices = division_.slices;
  // Slices begin at cache lines, so that no two ranks write to one.
  const size_t share = round_up((count + slices - 1) / slices, 64 / width);
  const size_t first = std::min(count, share * rank_), end = std::min(count, first + share);
  std::byte* sum = slot(turn, 0);
  for (size_t begin = first; begin < end; begin += block)
    for (int rank = 1; rank < size_; ++rank)
      combine(op, dtype, sum + begin * width, slot(turn, rank) + begin * width, std::min(block, end - begin));
  return {sum + first * width, end - first, dtype};
}

void SharedMemory::broadcast(Buffer buffer, int root) {
  const Chunks chunks(buffer, division_.slot_bytes);
  for (size_t i = 0; i < chunks.size(); ++i, ++turn_) {
    if (rank_ == root) std::memcpy(slot(turn_, root), chunks.data(i), chunks.bytes(i));
    barrier();
    if (rank_ != root) std::memcpy(chunks.data(i), slot(turn_, root), chunks.bytes(i));
  }
}

void SharedMemory::allgather(Buffer mine, Buffer all) {
  const Chunks chunks(mine, division_.slot_bytes);
  for (size_t i = 0; i < chunks.size(); ++i, ++turn_) {
    std::memcpy(slot(turn_, rank_), chunks.data(i), chunks.bytes(i));
    barrier();
    for (int rank = 0; rank < size_; ++rank)
      std::memcpy(static_cast<std::byte*>(all.data) + rank * mine.bytes() + (chunks.data(i) - chunks.data(0)),
                  slot(turn_, rank), chunks.bytes(i));
  }
}

}  // namespace lockstep::comm

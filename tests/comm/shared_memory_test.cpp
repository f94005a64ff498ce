#include "shared_memory.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "comm/contract.h"

namespace lockstep::comm {
namespace {

/// Two ranks over one region.
void run_pair(const std::function<void(SharedMemory&, int rank)>& action, int slices = 2) {
  const Division division = SharedMemory::divide(2, slices);
  const size_t bytes_of_region = SharedMemory::region_bytes(2, division.slot_bytes);
  std::vector<std::max_align_t> region(bytes_of_region / sizeof(std::max_align_t) + 1);
  auto* bytes = reinterpret_cast<std::byte*>(region.data());
  SharedMemory::prepare(bytes, 2);
  const auto run = [&](int rank) {
    SharedMemory memory(bytes, rank, 2, division, [] { return false; });
    action(memory, rank);
  };
  std::thread other(run, 1);
  run(0);
  other.join();
}

/// Another host with the same numbers, whose sums arrive when they are waited for.
class Twin : public Between {
 public:
  void start(Buffer slice, Op /*op*/) override {
    under_way_.push_back(slice);
    EXPECT_LE(under_way_.size(), kMost);
    most_ = std::max(most_, under_way_.size());
    elements_ += slice.count;
  }
  void finish() override {
    ASSERT_FALSE(under_way_.empty());
    const Buffer slice = under_way_.front();
    under_way_.pop_front();
    for (size_t i = 0; i < slice.count; ++i) static_cast<float*>(slice.data)[i] *= 2;
  }
  size_t under_way() const { return under_way_.size(); }
  size_t most() const { return most_; }
  size_t elements() const { return elements_; }

 private:
  std::deque<Buffer> under_way_;
  size_t most_ = 0, elements_ = 0;
};

constexpr size_t kChunk = (size_t{1} << 19) / sizeof(float);

TEST(SharedMemory, SumsTheNextChunksWhileOthersAreOnTheirWayBetweenHosts) {
  run_pair([](SharedMemory& memory, int rank) {
    for (const size_t count : {size_t{0}, size_t{1}, kChunk, kChunk + 1, 3 * kChunk - 1, 5 * kChunk}) {
      std::vector<float> values = test::values_of<float>(rank, count);
      Twin twin;
      memory.allreduce(buffer(values), Op::kSum, &twin);
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(values[i], 2 * test::expected<float>(Op::kSum, 2, i)) << i;
      EXPECT_EQ(twin.under_way(), 0);
      EXPECT_EQ(twin.most(), std::min(Between::kMost, (count + kChunk - 1) / kChunk));
    }
  });
}

TEST(SharedMemory, LeavesAllSlicesToTheRanksThatHaveCounterparts) {
  const auto action = [](SharedMemory& memory, int rank) {
    std::vector<float> values = test::values_of<float>(rank, 2 * kChunk);
    Twin twin;
    memory.allreduce(buffer(values), Op::kSum, &twin);
    EXPECT_EQ(twin.elements(), rank == 0 ? values.size() : 0);
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], 2 * test::expected<float>(Op::kSum, 2, i)) << i;
  };
  run_pair(action, 1);
}

TEST(SharedMemory, KeepsItsSetsApartWhenCollectivesAlternate) {
  run_pair([](SharedMemory& memory, int rank) {
    for (int32_t round = 0; round < 2000; ++round) {
      int32_t sum = round + rank, first = rank == 0 ? round : -1, mine = round * 2 + rank, all[2] = {};
      memory.allreduce({&sum, 1, DType::kInt32}, Op::kSum);
      memory.broadcast({&first, 1, DType::kInt32}, 0);
      memory.allgather({&mine, 1, DType::kInt32}, {all, 2, DType::kInt32});
      ASSERT_EQ(sum, 2 * round + 1);
      ASSERT_EQ(first, round);
      ASSERT_EQ(all[0], round * 2);
      ASSERT_EQ(all[1], round * 2 + 1);
    }
  });
}

}  // namespace
}  // namespace lockstep::comm

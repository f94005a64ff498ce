#include "shared_memory.h"

#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "comm/contract.h"

namespace lockstep::comm {
namespace {

constexpr size_t kSlotBytes = size_t{1} << 19;

/// Two ranks over one region.
void run_pair(const std::function<void(SharedMemory&, int rank)>& action) {
  std::vector<std::max_align_t> region(SharedMemory::region_bytes(2, kSlotBytes) / sizeof(std::max_align_t) + 1);
  auto* bytes = reinterpret_cast<std::byte*>(region.data());
  SharedMemory::prepare(bytes, 2);
  const auto run = [&](int rank) {
    SharedMemory memory(bytes, rank, 2, kSlotBytes, [] {});
    action(memory, rank);
  };
  std::thread other(run, 1);
  run(0);
  other.join();
}

TEST(SharedMemory, LetsRankZeroAddTheOtherHostsBetweenSumAndDistribution) {
  run_pair([](SharedMemory& memory, int rank) {
    std::vector<float> values = test::values_of<float>(rank, 500'000);
    memory.allreduce(buffer(values), Op::kSum, [rank](void* data, size_t count) {
      EXPECT_EQ(rank, 0);
      for (size_t i = 0; i < count; ++i) static_cast<float*>(data)[i] *= 2;
    });
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], 2 * test::expected<float>(Op::kSum, 2, i));
  });
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

#include "lockstep/comm/gpu.h"

#include "support/expect_error.h"
#include "support/ranks.h"

namespace lockstep::comm {
namespace {

Launch rank_of_host(int rank, int size, int local_rank, int local_size) {
  return Launch{rank, size, local_rank, local_size, "node1", "mpirun"};
}

TEST(ChooseGpu, TakesTheOneThatTheLauncherGave) {
  const std::vector<std::string> places{"node1 0000:01:00.0", "node1 0000:02:00.0"};
  EXPECT_EQ(choose_gpu(rank_of_host(1, 2, 1, 2), 1, places), 0);
}

TEST(ChooseGpu, TakesTheOneWithTheLocalRankWhereAllAreVisible) {
  const std::vector<std::string> places{"node0 0000:01:00.0", "node1 0000:01:00.0", "node1 0000:02:00.0"};
  EXPECT_EQ(choose_gpu(rank_of_host(1, 3, 0, 2), 4, places), 0);
  EXPECT_EQ(choose_gpu(rank_of_host(2, 3, 1, 2), 4, places), 1);
}

TEST(ChooseGpu, NamesTheNumbersWhereAHostHasMoreRanksThanGpus) {
  const std::string message = test::expect_error(
      ErrorKind::kDevice, [] { choose_gpu(rank_of_host(0, 4, 0, 4), 2, {"node1 1", "node1 2", "", ""}); });
  test::expect_contains(message, "node1 has 4 ranks and 2 visible GPUs");
  test::expect_contains(message, "--gpus-per-task=1");
}

TEST(ChooseGpu, NamesBothRanksOnOneGpuAndOnlyWithinAHost) {
  const std::string message = test::expect_error(ErrorKind::kDevice, [] {
    choose_gpu(rank_of_host(0, 3, 0, 1), 1, {"node1 0000:01:00.0", "node2 0000:01:00.0", "node2 0000:01:00.0"});
  });
  test::expect_contains(message, "rank 1 and rank 2 are on the same GPU (node2 0000:01:00.0)");
}

TEST(ChooseGpu, NamesTheRankThatHasNoneOnEveryRank) {
  const std::string message = test::expect_error(
      ErrorKind::kDevice, [] { choose_gpu(rank_of_host(0, 2, 0, 1), 1, {"node1 0000:01:00.0", ""}); });
  test::expect_contains(message, "rank 1 has no GPU");
  test::expect_contains(
      test::expect_error(ErrorKind::kDevice, [] { choose_gpu(rank_of_host(1, 2, 0, 1), 0, {"node1 1", ""}); }),
      "rank 1 sees no GPU on node1");
}

TEST(ChooseGpu, FailsOnAllRanksWithoutGpus) {
  if (visible_gpus() > 0) GTEST_SKIP() << "this machine has GPUs";
  test::run_ranks(2, [](Communicator& communicator) {
    test::expect_error(ErrorKind::kDevice, [&] { choose_gpu(communicator.launch(), communicator); });
  });
}

TEST(DescribeGpu, RefusesOneThatIsNotThere) {
  test::expect_error(ErrorKind::kDevice, [] { describe_gpu(1 << 20); });
}

}  // namespace
}  // namespace lockstep::comm

#include "lockstep/comm/communicator.h"

#include <atomic>
#include <memory>

#include "backends.h"
#include "comm/contract.h"
#include "lockstep/comm/gpu.h"
#include "support/expect_error.h"
#include "support/ranks.h"

namespace lockstep::comm {
namespace {

/// The contract over "local" (0) and over "threads" with 1 to 4 ranks.
class Contract : public testing::TestWithParam<int> {
 protected:
  void run(const std::function<void(Communicator&)>& action) {
    if (GetParam() > 0) return test::run_ranks(GetParam(), action);
    action(*make_communicator("local", Launch{}, 60));
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Contract, testing::Values(0, 1, 2, 3, 4), [](const auto& row) {
  return row.param == 0 ? std::string("local") : "threads" + std::to_string(row.param);
});

TEST(Threads, SayWhichHostTheyAreOn) {
  test::run_ranks(
      6,
      [](Communicator& communicator) {
        const Launch& launch = communicator.launch();
        EXPECT_EQ(launch.hosts(), 3);
        EXPECT_EQ(launch.local_size, 2);
        EXPECT_EQ(launch.local_rank, launch.rank % 2);
        const auto hosts = gather_texts(communicator, launch.host);
        EXPECT_EQ(hosts[0], hosts[1]);
        EXPECT_NE(hosts[1], hosts[2]);
      },
      60, 3);
  test::expect_error(ErrorKind::kUsage, [] { make_thread_communicators(4, 60, 3); });
}

TEST_P(Contract, MovesBytes) { run(test::check_collectives<uint8_t>); }
TEST_P(Contract, MovesInt32) { run(test::check_collectives<int32_t>); }
TEST_P(Contract, MovesInt64) { run(test::check_collectives<int64_t>); }
TEST_P(Contract, MovesFloat) { run(test::check_collectives<float>); }
TEST_P(Contract, MovesDouble) { run(test::check_collectives<double>); }
TEST_P(Contract, KeepsSeveralPendingInOrder) { run(test::check_several_pending); }
TEST_P(Contract, GivesTheSameBitsOnEveryRankAndEachTime) { run(test::check_bits); }
TEST_P(Contract, GathersTexts) { run(test::check_texts); }
TEST_P(Contract, MeetsAtABarrier) {
  std::atomic<int> arrived = 0;
  run([&](Communicator& communicator) {
    ++arrived;
    communicator.barrier();
    EXPECT_EQ(arrived, communicator.size());
  });
}
TEST_P(Contract, CountsTheTimeOfAllreducesAlone) {
  run([](Communicator& communicator) {
    std::vector<float> values(100'000);
    communicator.broadcast(buffer(values), 0);
    EXPECT_EQ(communicator.seconds_exchanging(), 0);
    communicator.allreduce(buffer(values));
    EXPECT_EQ(communicator.seconds_exchanging() > 0, GetParam() > 0);  // "local" moves nothing
  });
}
TEST_P(Contract, IsDeadAfterItsOwnAbort) {
  run([](Communicator& communicator) {
    communicator.barrier();
    communicator.abort("enough");
    std::vector<float> values(3);
    const std::string message = test::expect_error(ErrorKind::kComm, [&] { communicator.allreduce(buffer(values)); });
    test::expect_contains(message, "aborted: enough");
  });
}

TEST(Threads, SumInRankOrder) {
  test::run_ranks(4, [](Communicator& communicator) {
    std::vector<float> wanted = test::awkward_numbers(0, 5000),
                       values = test::awkward_numbers(communicator.rank(), 5000);
    for (int rank = 1; rank < 4; ++rank) {
      const auto other = test::awkward_numbers(rank, 5000);
      for (size_t i = 0; i < wanted.size(); ++i) wanted[i] += other[i];
    }
    communicator.allreduce(buffer(values));
    test::expect_same(values, wanted);
  });
}

TEST(Threads, AbortWakesTheOthersWithRankAndReason) {
  test::run_ranks(3, [](Communicator& communicator) {
    if (communicator.rank() == 1) return communicator.abort("the disk is full");
    std::vector<float> values(1000);
    const std::string message = test::expect_error(ErrorKind::kComm, [&] { communicator.allreduce(buffer(values)); });
    test::expect_contains(message, cat("rank ", communicator.rank(), " ("));
    test::expect_contains(message, "allreduce of ");
    test::expect_contains(message, "collective 1");
    test::expect_contains(message, "rank 1 (");
    test::expect_contains(message, "aborted: the disk is full");
    // And whoever waits later.
    test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { communicator.barrier(); }), "the disk is full");
  });
}

TEST(Threads, TimeLimitNamesRankCollectiveNumberSecondsAndWhoIsMissing) {
  const auto ranks = make_thread_communicators(3, 0.2);
  std::thread other([&] { test::expect_error(ErrorKind::kComm, [&] { ranks[2]->barrier(); }); });
  const std::string message = test::expect_error(ErrorKind::kComm, [&] { ranks[0]->barrier(); });
  other.join();
  test::expect_contains(message, "rank 0 (");
  test::expect_contains(message, "barrier, collective 1");
  test::expect_contains(message, "0.2 s");
  test::expect_contains(message, "not there yet: rank 1");
  test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { ranks[0]->barrier(); }), "collective 2");
}

TEST(Threads, TimeLimitNamesTheEarlierCollectiveThatHoldsItUp) {
  const auto ranks = make_thread_communicators(2, 0.2);
  std::vector<float> values(10);
  Pending first = ranks[0]->start_allreduce(buffer(values), Op::kSum);
  const std::string message = test::expect_error(ErrorKind::kComm, [&] { ranks[0]->barrier(); });
  test::expect_contains(message, "barrier, collective 2");
  test::expect_contains(message, "still at allreduce of");
  test::expect_error(ErrorKind::kComm, [&] { first.wait(); });
}

TEST(Ranks, RethrowTheFirstFailureWithItsRank) {
  const std::string message = test::expect_error(ErrorKind::kData, [] {
    test::run_ranks(3, [](Communicator& communicator) {
      if (communicator.rank() == 2) fail(ErrorKind::kData, "bad record");
      communicator.barrier();
    });
  });
  test::expect_contains(message, "rank 2 of 3: bad record");
}

TEST(MakeCommunicator, ListsTheBackendsForAnUnknownName) {
  const std::string message = test::expect_error(ErrorKind::kUsage, [] { make_communicator("mpy", Launch{}, 1); });
  test::expect_contains(message, "did you mean \"mpi\"");
  test::expect_contains(message, "local");
}

TEST(MakeCommunicator, AutoIsLocalForOneRank) { EXPECT_EQ(make_communicator("auto", Launch{}, 1)->size(), 1); }

TEST(MakeCommunicator, RefusesLocalForSeveralRanksAndABadTimeLimit) {
  Launch two;
  two.size = 2;
  test::expect_error(ErrorKind::kUsage, [&] { make_communicator("local", two, 1); });
  test::expect_error(ErrorKind::kUsage, [] { make_communicator("local", Launch{}, 0); });
}

TEST(MakeCommunicator, RefusesNcclWithoutGpus) {
  if (visible_gpus() > 0) GTEST_SKIP() << "this machine has GPUs";
  try {
    make_communicator("nccl", Launch{}, 1);
    ADD_FAILURE() << "no Error was thrown";
  } catch (const Error& error) {  // usage without CUDA, device with it
    EXPECT_TRUE(error.kind() == ErrorKind::kUsage || error.kind() == ErrorKind::kDevice);
    test::expect_contains(error.what(), "GPU");
  }
}

TEST(Backends, SayWhatTheyAre) {
  for (const auto& backend : backends()) EXPECT_NE(std::string(backend.help), "");
}

}  // namespace
}  // namespace lockstep::comm

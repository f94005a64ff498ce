// The contract of contract.h for device memory, and how NCCL's failures end. Ranks are threads, each with a GPU: those
// of this machine, or pretended ones (pretended_gpu.h), with which the failures are tried too.

#ifdef LOCKSTEP_CUDA

#include <chrono>
#include <functional>
#include <thread>

#include <cuda_runtime_api.h>

#include "backends.h"
#include "comm/contract.h"
#include "comm/on_gpus.h"
#include "lockstep/comm/gpu.h"
#include "support/expect_error.h"

#ifdef LOCKSTEP_PRETENDED_GPU
#include "comm/pretended_gpu.h"
#endif

namespace lockstep::comm {
namespace {

using test::message_of_the_end;
using test::OnDevice;
using test::require_cuda;
using test::run_on_gpus;

class NcclContract : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (visible_gpus() < GetParam()) GTEST_SKIP() << "no GPU for each of " << GetParam() << " ranks";
  }
  void run(const std::function<void(Communicator&)>& action) {
    run_on_gpus(GetParam(), [&](Communicator& communicator) {
      OnDevice on_device(communicator);
      action(on_device);
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Ranks, NcclContract, testing::Values(1, 2, 3, 4));

TEST_P(NcclContract, MovesBytes) { run(test::check_collectives<uint8_t>); }
TEST_P(NcclContract, MovesInt32) { run(test::check_collectives<int32_t>); }
TEST_P(NcclContract, MovesInt64) { run(test::check_collectives<int64_t>); }
TEST_P(NcclContract, MovesFloat) { run(test::check_collectives<float>); }
TEST_P(NcclContract, MovesDouble) { run(test::check_collectives<double>); }
TEST_P(NcclContract, KeepsSeveralPendingInOrder) { run(test::check_several_pending); }
TEST_P(NcclContract, GivesTheSameBitsOnEveryRankAndEachTime) { run(test::check_bits); }
TEST_P(NcclContract, GathersTexts) { run(test::check_texts); }
TEST_P(NcclContract, MovesHostMemoryToo) { run_on_gpus(GetParam(), test::check_collectives<float>); }

TEST_P(NcclContract, CountsTheTimeUnderWayOfAllreduceAlone) {
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    OnDevice on_device(communicator);
    std::vector<float> values(1'000'000);
    on_device.broadcast(buffer(values), 0);
    EXPECT_EQ(communicator.seconds_exchanging(), 0);
    on_device.allreduce(buffer(values));
    while (communicator.seconds_exchanging() == 0) std::this_thread::yield();
  });
}

TEST_P(NcclContract, IsDeadAfterItsOwnAbort) {
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    communicator.barrier();
    communicator.abort("enough");
    test::expect_contains(message_of_the_end(communicator), "enough");
    int64_t one = 1;
    test::expect_error(ErrorKind::kComm, [&] { communicator.allreduce({&one, 1, DType::kInt64}); });
  });
}

TEST(Nccl, TimeLimitNamesRankCollectiveAndSeconds) {
  if (visible_gpus() < 2) GTEST_SKIP() << "no GPU for each of two ranks";
  run_on_gpus(
      2,
      [](Communicator& communicator) {
        if (communicator.rank() == 1) {  // lives on, and never comes
          while (true) try {
              communicator.barrier();
            } catch (const Error&) {
              return;
            }
        }
        const std::string message = message_of_the_end(communicator);
        test::expect_contains(message, cat("rank ", communicator.rank(), " ("));
        test::expect_contains(message, "allreduce of 4.0 kB, GPU collective ");
        test::expect_contains(message, "ended after ");
        test::expect_contains(message, "not done within the time limit of ");
        test::expect_contains(message, "rank 1 (");
        test::expect_contains(message, " has not begun it");
      },
      3);
}

TEST_P(NcclContract, AbortWakesTheOthersWithRankAndReason) {
  if (GetParam() < 2) GTEST_SKIP() << "one rank has no others";
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    if (communicator.rank() == 1) return communicator.abort("the disk is full");
    const std::string message = message_of_the_end(communicator);
    test::expect_contains(message, "rank 1 (");
    test::expect_contains(message, "aborted: the disk is full");
  });
}

TEST_P(NcclContract, LetsTheHostGoOnWhileTheStreamIsBusy) {
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    std::atomic<bool> go = false;
    cudaStream_t stream = nullptr;
    void* memory = nullptr;
    require_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, 0));
    require_cuda(cudaMalloc(&memory, 4000));
    require_cuda(cudaLaunchHostFunc(
        stream,
        [](void* flag) {
          while (!*static_cast<std::atomic<bool>*>(flag)) std::this_thread::yield();
        },
        &go));
    communicator.allreduce({memory, 1000, DType::kFloat32, Device::kCuda, stream});
    EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
    go = true;  // reached only because neither start nor wait waited for the stream
    require_cuda(cudaStreamSynchronize(stream));
    require_cuda(cudaFree(memory));
    require_cuda(cudaStreamDestroy(stream));
  });
}

#ifdef LOCKSTEP_PRETENDED_GPU

/// What each rank's start throws on a machine with this fault.
std::vector<std::string> messages_of_failed_starts(ErrorKind kind, double timeout_seconds = 60) {
  auto hosts = make_listening_threads(2, timeout_seconds);
  std::vector<std::string> messages(2);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank)
    threads.emplace_back([&, rank] {
      messages[rank] = test::expect_error(kind, [&] { make_nccl_over(std::move(hosts[rank]), timeout_seconds); });
    });
  for (auto& thread : threads) thread.join();
  return messages;
}

/// A fault for the time of one test.
class NcclOnAFaultyMachine : public testing::Test {
 protected:
  ~NcclOnAFaultyMachine() override {
    machine.gpus = 4;
    machine.never_connects = machine.miscalculates = machine.loses_peers = machine.blocks_in_calls = false;
  }
  test::PretendedMachine& machine = test::pretended_machine();
};

TEST_F(NcclOnAFaultyMachine, GivesUpConnectingAtTheTimeLimit) {
  machine.never_connects = true;
  for (const std::string& message : messages_of_failed_starts(ErrorKind::kComm, 0.3)) {
    test::expect_contains(message, "start of NCCL");
    test::expect_contains(message, "not done within the time limit");
  }
}

TEST_F(NcclOnAFaultyMachine, RefusesAWrongSumAndNamesTheRank) {
  machine.miscalculates = true;
  for (const std::string& message : messages_of_failed_starts(ErrorKind::kComm)) {
    test::expect_contains(message, "rank 1 (");
    test::expect_contains(message, "self-test failed");
  }
}

TEST_F(NcclOnAFaultyMachine, NamesBothRanksOnOneGpu) {
  machine.gpus = 1;
  for (const std::string& message : messages_of_failed_starts(ErrorKind::kDevice))
    test::expect_contains(message, "rank 0 and rank 1 are on the same GPU");
}

TEST_F(NcclOnAFaultyMachine, EndsWithTheErrorThatCameUpByItself) {
  run_on_gpus(2, [&](Communicator& communicator) {
    communicator.barrier();
    machine.loses_peers = true;
    test::expect_contains(message_of_the_end(communicator), "remote error");
  });
}

TEST_F(NcclOnAFaultyMachine, OvertakesACallThatDoesNotComeBack) {
  run_on_gpus(
      2,
      [&](Communicator& communicator) {
        communicator.barrier();
        machine.blocks_in_calls = true;
        message_of_the_end(communicator);
      },
      3);
}

// A thread that waits for the GPU would otherwise wait for ever.
TEST_F(NcclOnAFaultyMachine, LeavesTheProcessWhereNcclHangsInItsAbort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto hang = [&] {
    machine.hangs_in_abort = true;
    run_on_gpus(2, [&](Communicator& communicator) {
      communicator.abort("a test");
      std::this_thread::sleep_for(std::chrono::minutes(1));
    });
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(exit_code(ErrorKind::kComm)), "does not come back from its own abort");
}

#endif  // LOCKSTEP_PRETENDED_GPU

}  // namespace
}  // namespace lockstep::comm

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (lockstep::comm::visible_gpus() > 0) return RUN_ALL_TESTS();
  std::puts("skipped: no GPU");
  return 77;
}

#else

#include <cstdio>

int main() {
  std::puts("skipped: no GPU: this program was built without CUDA");
  return 77;
}

#endif

// Collectives that are recorded in a CUDA graph, and how a replay ends that not all ranks begin. Ranks are threads,
// each with a GPU: those of this machine, or pretended ones.

#ifdef LOCKSTEP_CUDA

#include "comm/on_gpus.h"
#include "lockstep/comm/gpu.h"

namespace lockstep::comm {
namespace {

using test::message_of_the_end;
using test::OnDevice;
using test::require_cuda;
using test::run_on_gpus;

class NcclRecording : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (visible_gpus() < GetParam()) GTEST_SKIP() << "no GPU for each of " << GetParam() << " ranks";
  }
};
INSTANTIATE_TEST_SUITE_P(Ranks, NcclRecording, testing::Values(1, 2, 3, 4));

/// A stream of one rank and an allreduce of a number on it, recorded and not done.
class RecordedSum {
 public:
  explicit RecordedSum(Communicator& communicator) : communicator_(communicator) {
    require_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, 0));
    require_cuda(cudaMalloc(&memory_, kCount * sizeof(float)));
    // Connects what NCCL connects at the first collective.
    communicator.allreduce(buffer());
    require_cuda(cudaStreamSynchronize(stream_));
    require_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    Pending first = communicator.start_allreduce(buffer(), Op::kSum);
    Pending second = communicator.start_allreduce(buffer(), Op::kMax);
    first.wait();
    second.wait();
    cudaGraph_t graph = nullptr;
    require_cuda(cudaStreamEndCapture(stream_, &graph));
    require_cuda(cudaGraphInstantiate(&replay_, graph, 0));
    require_cuda(cudaGraphDestroy(graph));
  }
  ~RecordedSum() {
    cudaGraphExecDestroy(replay_);
    cudaStreamSynchronize(stream_);
    cudaFree(memory_);
    cudaStreamDestroy(stream_);
  }
  RecordedSum(const RecordedSum&) = delete;
  RecordedSum& operator=(const RecordedSum&) = delete;

  void set(float value) {
    values_.assign(kCount, value);
    copy(memory_, values_.data(), cudaMemcpyHostToDevice);
  }
  void replay() {
    require_cuda(cudaGraphLaunch(replay_, stream_));
    communicator_.expect(stream_, "replay of the sum");
  }
  float get() {
    copy(values_.data(), memory_, cudaMemcpyDeviceToHost);
    return values_.back();
  }

 private:
  static constexpr size_t kCount = 1000;
  Buffer buffer() { return {memory_, kCount, DType::kFloat32, Device::kCuda, stream_}; }
  void copy(void* to, const void* from, cudaMemcpyKind kind) {
    require_cuda(cudaMemcpyAsync(to, from, kCount * sizeof(float), kind, stream_));
    require_cuda(cudaStreamSynchronize(stream_));
  }

  Communicator& communicator_;
  cudaStream_t stream_ = nullptr;
  void* memory_ = nullptr;
  cudaGraphExec_t replay_ = nullptr;
  std::vector<float> values_;
};

TEST_P(NcclRecording, IsDoneByEachReplay) {
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    RecordedSum sum(communicator);
    const auto ranks = static_cast<float>(communicator.size());
    for (int round = 1; round <= 3; ++round) {
      const auto own = static_cast<float>(round * (communicator.rank() + 1));
      sum.set(own);
      EXPECT_EQ(sum.get(), own) << "recorded, and not done";
      sum.replay();
      EXPECT_EQ(sum.get(), static_cast<float>(round) * ranks * (ranks + 1) / 2);
      std::vector<float> values{own};
      OnDevice(communicator).allreduce(buffer(values));  // between two replays
      EXPECT_EQ(values[0], static_cast<float>(round) * ranks * (ranks + 1) / 2);
    }
  });
}

/// Calls until the communicator says why it is dead.
std::string message_of_the_replay(Communicator& communicator, RecordedSum& sum) {
  sum.replay();
  const std::string message = message_of_the_end(communicator);
  test::expect_error(ErrorKind::kComm, [&] { sum.replay(); });
  return message;
}

TEST(NcclReplay, NamesTheRankThatDoesNotBeginIt) {
  if (visible_gpus() < 3) GTEST_SKIP() << "no GPU for each of three ranks";
  run_on_gpus(
      3,
      [](Communicator& communicator) {
        RecordedSum sum(communicator);
        communicator.barrier();
        if (communicator.rank() == 2) {  // lives on, and never comes
          test::expect_error(ErrorKind::kComm, [&] {
            while (true) communicator.barrier();
          });
          return;
        }
        const std::string message = message_of_the_replay(communicator, sum);
        test::expect_contains(message, "replay of the sum, GPU collective ");
        test::expect_contains(message, "not done within the time limit of ");
        test::expect_contains(message, "rank 2 (");
        test::expect_contains(message, " has not begun it");
      },
      3);
}

TEST_P(NcclRecording, AbortEndsAReplay) {
  if (GetParam() < 2) GTEST_SKIP() << "one rank has no others";
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    RecordedSum sum(communicator);
    communicator.barrier();
    if (communicator.rank() == 1) return communicator.abort("the disk is full");
    test::expect_contains(message_of_the_replay(communicator, sum), "aborted: the disk is full");
  });
}

// A capture that something else has broken costs the graph and nothing more.
TEST_P(NcclRecording, OutlivesACaptureThatFails) {
  run_on_gpus(GetParam(), [](Communicator& communicator) {
    cudaStream_t stream = nullptr;
    void* memory = nullptr;
    require_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, 0));
    require_cuda(cudaMalloc(&memory, 4000));
    const Buffer there{memory, 1000, DType::kFloat32, Device::kCuda, stream};
    communicator.allreduce(there);
    require_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    Pending unjoined = communicator.start_allreduce(there, Op::kSum);
    cudaGraph_t graph = nullptr;
    EXPECT_NE(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    static_cast<void>(cudaGetLastError());
    test::expect_error(ErrorKind::kDevice, [&] { unjoined.wait(); });
    std::vector<float> values{1};
    OnDevice(communicator).allreduce(buffer(values));
    EXPECT_EQ(values[0], static_cast<float>(communicator.size()));
    communicator.allreduce(there);
    require_cuda(cudaStreamSynchronize(stream));
    require_cuda(cudaFree(memory));
    require_cuda(cudaStreamDestroy(stream));
  });
}

}  // namespace
}  // namespace lockstep::comm

#endif

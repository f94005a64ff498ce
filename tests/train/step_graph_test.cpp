#include "step_graph.h"

#include <cstring>
#include <limits>

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "lockstep/comm/gpu.h"
#include "step.h"
#include "support/ranks.h"
#include "support/toy_records.h"

namespace lockstep::train {
namespace {

constexpr int kSize = 8, kClasses = 4, kBatch = 12;

/// Samples begin.. of the toy pictures as a batch with memory of its own, of a global batch of kBatch or fewer.
struct ToyBatch {
  ToyBatch(int64_t begin, int64_t count, int64_t global_count)
      : labels(static_cast<size_t>(count)), ids(labels.size()) {
    for (int64_t i = 0; i < count; ++i) {
      const auto picture =
          test::toy_picture(static_cast<int>((begin + i) % kClasses), kSize, static_cast<uint64_t>(begin + i));
      pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
      labels[static_cast<size_t>(i)] = static_cast<float>((begin + i) % kClasses);
      ids[static_cast<size_t>(i)] = begin + i;
    }
    batch = {.count = count,
             .global_count = global_count,
             .channels = 3,
             .height = kSize,
             .width = kSize,
             .label_width = 1,
             .pixels = pixels,
             .labels = labels,
             .ids = ids};
  }
  std::vector<uint8_t> pixels;
  std::vector<float> labels;
  std::vector<int64_t> ids;
  data::HostBatch batch;
};

/// With everything that a step changes.
Learner make_learner(nn::Compute compute = {.precision = nn::Precision::kBfloat16}) {
  const Config config = load_config_text(
                            "channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", "
                            "num_classes: 4, weight_decay: 0.001, momentum: 0.9}\nrun: {output: x, device: cpu}\n",
                            "test.yaml")
                            .config;
  Learner learner = build_learner(config, make_graph(config), compute);
  learner.average_parameters.emplace(learner.network->parameters(), 0.9);
  learner.average_statistics.emplace(learner.network->statistics(), 0.9);
  learner.scaler.emplace(learner.network->parameters());
  learner.scaler->restore({.scale = 1024});  // so that no step of float16 is skipped
  return learner;
}

at::Tensor everything(Learner& learner) {
  return at::cat(
      {learner.network->parameters(), learner.network->working_copy().to(at::kFloat), learner.network->statistics(),
       learner.optimizer->moments()[0], learner.average_parameters->values(), learner.average_statistics->values(),
       learner.scaler->scale(),
       at::full({1}, static_cast<double>(learner.optimizer->applied()), learner.network->parameters().options())});
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.nbytes() == b.nbytes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

std::unique_ptr<comm::Communicator> alone() { return comm::make_communicator("local", comm::Launch{}, 10); }

/// Records work as a device would: nothing is done then, and a replay finds in the same memory what the step put there.
struct PretendedDevice {
  int recorded = 0, replayed = 0;
  int times = 1;  ///< that a replay does the work
  Record record() {
    return [this](const Work& work) {
      ++recorded;
      return Recording{[this, work] {
                         ++replayed;
                         for (int i = 0; i < times; ++i) work();
                       },
                       7};
    };
  }
};

struct Outcome {
  at::Tensor state;
  std::vector<double> losses;
  std::vector<int64_t> votes;
  bool settled = false;
};

/// Ten steps, the seventh with fewer samples, each with a learning rate of its own, a wish to stop at the ninth.
Outcome train_toy(const Record& record, int64_t micro_batch = 0,
                  nn::Compute compute = {.precision = nn::Precision::kBfloat16}) {
  Learner learner = make_learner(compute);
  const auto communicator = alone();
  Step step(learner, *communicator, {.global_batch = kBatch, .micro_batch = micro_batch, .record = record});
  Outcome outcome;
  for (int i = 0; i < 10; ++i) {
    const int64_t count = i == 6 ? 5 : kBatch;
    const ToyBatch toy(i * kBatch, count, count);
    step.start(toy.batch, 0.01 * (i + 1), i == 8);
    const StepResult result = step.take();
    EXPECT_EQ(result.count, count);
    EXPECT_TRUE(result.applied);
    outcome.losses.push_back(result.loss);
    outcome.votes.push_back(result.stop_votes);
  }
  outcome.settled = step.settled();
  outcome.state = everything(learner).cpu();
  return outcome;
}

void expect_same(const Outcome& one, const Outcome& other) {
  EXPECT_TRUE(same_bits(one.state, other.state));
  EXPECT_EQ(one.losses, other.losses);
  EXPECT_EQ(one.votes, other.votes);
}

TEST(StepGraph, ReplaysAreTheSameSteps) {
  for (const int64_t micro_batch : {0, 5}) {
    PretendedDevice device;
    const Outcome replayed = train_toy(device.record(), micro_batch);
    expect_same(replayed, train_toy({}, micro_batch));
    EXPECT_TRUE(replayed.settled);
    EXPECT_EQ(device.recorded, 1);
    // Three steps before, one at which it is recorded, one short; the first replay is undone.
    EXPECT_EQ(device.replayed, 10 - 3 - 1 - 1);
  }
}

TEST(StepGraph, GoesOnWithoutAReplayThatIsAnotherStep) {
  for (const int times : {0, 2}) {
    PretendedDevice device{.times = times};
    const Outcome outcome = train_toy(device.record());
    expect_same(outcome, train_toy({}));
    EXPECT_TRUE(outcome.settled);
    EXPECT_EQ(device.replayed, 1) << "what it did is undone, and it is not asked again";
  }
}

TEST(StepGraph, NoticesWhatARecordingTookFromItsOwnStep) {
  int replayed = 0;
  Learner learner = make_learner(), plain = make_learner();
  const auto communicator = alone();
  const at::Tensor figures = at::full({1}, 1.0f);
  double rate = 0.01;
  const auto do_step = [&](Learner& which, double with) {
    which.network->gradients().fill_(0.5);
    which.optimizer->step(which.network->parameters(), which.network->gradients(), optim::make_control(with),
                          which.network->working_copy());
  };
  const Record with_old_rate = [&](const Work&) {
    return Recording{[&, then = rate] {
                       ++replayed;
                       do_step(learner, then);
                     },
                     1};
  };
  StepGraph graph(with_old_rate, learner, *communicator, figures);
  for (int i = 0; i < 8; ++i, rate *= 2) {
    graph.run(true, [&] { do_step(learner, rate); });
    do_step(plain, rate);
  }
  EXPECT_EQ(replayed, 1);
  EXPECT_FALSE(graph.replays());
  EXPECT_TRUE(same_bits(learner.network->parameters(), plain.network->parameters()));
}

TEST(StepGraph, ComparesAgainWhereAGradientWasNotFinite) {
  Learner learner = make_learner();
  const auto communicator = alone();
  PretendedDevice device;
  float gradient = std::numeric_limits<float>::infinity();
  StepGraph graph(device.record(), learner, *communicator, at::full({1}, 1.0f));
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) graph.run(true, [&] { learner.network->gradients().fill_(gradient); });
  };
  run(8);
  EXPECT_FALSE(graph.settled());
  EXPECT_EQ(device.recorded, 1);
  gradient = 1;
  run(1);
  EXPECT_TRUE(graph.settled());
  EXPECT_TRUE(graph.replays());
}

TEST(StepGraph, IsForAllRanksOrForNone) {
  std::vector<at::Tensor> states(2);
  test::run_ranks(2, [&](comm::Communicator& communicator) {
    Learner learner = make_learner();
    PretendedDevice device;
    const Record fails = [](const Work&) -> Recording { fail(ErrorKind::kDevice, "no memory for a graph"); };
    Step step(learner, communicator,
              {.global_batch = kBatch, .record = communicator.rank() == 1 ? fails : device.record()});
    for (int i = 0; i < 7; ++i) {
      const ToyBatch toy(i * kBatch + 6 * communicator.rank(), 6, kBatch);
      step.start(toy.batch, 0.1);
      EXPECT_EQ(step.take().count, kBatch);
    }
    EXPECT_TRUE(step.settled());
    EXPECT_EQ(device.replayed, 0);
    states[static_cast<size_t>(communicator.rank())] = everything(learner);
  });
  EXPECT_TRUE(same_bits(states[0], states[1]));
}

TEST(StepGraph, ReplaysOnAllRanks) {
  test::run_ranks(2, [&](comm::Communicator& communicator) {
    Learner learner = make_learner();
    PretendedDevice device;
    Step step(learner, communicator, {.global_batch = kBatch, .record = device.record()});
    for (int i = 0; i < 7; ++i) {
      const ToyBatch toy(i * kBatch + 6 * communicator.rank(), 6, kBatch);
      step.start(toy.batch, 0.1);
      EXPECT_EQ(step.take().count, kBatch);
    }
    EXPECT_EQ(device.replayed, 3);
  });
}

TEST(StepGraph, RecordsOnAGpuAlone) {
  lockstep::Run run;
  EXPECT_FALSE(choose_record(run, -1, false));
  EXPECT_TRUE(choose_record(run, 0, false));
  EXPECT_FALSE(choose_record(run, 0, true)) << "hosts with data of their own";
  run.skip_bad_records = 1;
  EXPECT_FALSE(choose_record(run, 0, false));
  run = {};
  run.gpu_step = "plain";
  EXPECT_FALSE(choose_record(run, 0, false));
}

class StepGraphOnAGpu : public testing::TestWithParam<nn::Precision> {};
INSTANTIATE_TEST_SUITE_P(Precisions, StepGraphOnAGpu,
                         testing::Values(nn::Precision::kFloat32, nn::Precision::kBfloat16, nn::Precision::kFloat16));

TEST_P(StepGraphOnAGpu, ReplaysACudaGraph) {
  if (comm::visible_gpus() == 0) GTEST_SKIP() << "no GPU";
  use_gpu(0, false);
  const nn::Compute compute{.precision = GetParam(), .gpu = 0};
  int replayed = 0;
  const Record counted = [&](const Work& work) {
    const Recording graph = record_graph(work);
    EXPECT_GT(graph.nodes, 100);
    return Recording{[&replayed, graph] {
                       ++replayed;
                       graph.replay();
                     },
                     graph.nodes};
  };
  for (const int64_t micro_batch : {0, 5}) {
    replayed = 0;
    const Outcome graph = train_toy(counted, micro_batch, compute), plain = train_toy({}, micro_batch, compute);
    EXPECT_EQ(replayed, 10 - 3 - 1 - 1);
    for (size_t i = 0; i < plain.losses.size(); ++i)
      EXPECT_NEAR(graph.losses[i], plain.losses[i], 0.05 * plain.losses[i]);
    EXPECT_EQ(graph.votes, plain.votes);
    const int64_t values = plain.state.numel() - 2;  // the last are the loss scale and the number of updates
    EXPECT_TRUE(same_bits(graph.state.slice(0, values), plain.state.slice(0, values)));
    const double far = graph.state.sub(plain.state).norm().item<double>();
    EXPECT_LE(far, 0.05 * plain.state.slice(0, 0, values).norm().item<double>());
  }
}

TEST(StepGraphAndAGpu, OutlivesARecordingThatFails) {
  if (comm::visible_gpus() == 0) GTEST_SKIP() << "no GPU";
  use_gpu(0, false);
  const nn::Compute compute{.gpu = 0};
  const Record waits = [](const Work& work) {
    return record_graph([&] {
      work();
      static_cast<void>(at::full({1}, 1.0, at::Device(at::kCUDA, 0)).item<float>());  // which a capture refuses
    });
  };
  const Outcome outcome = train_toy(waits, 0, compute), plain = train_toy({}, 0, compute);
  EXPECT_TRUE(outcome.settled);
  EXPECT_NEAR(outcome.losses.back(), plain.losses.back(), 0.05 * plain.losses.back());
}

}  // namespace
}  // namespace lockstep::train

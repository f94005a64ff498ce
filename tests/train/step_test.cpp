#include "step.h"

#include <cstring>
#include <limits>

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "job.h"
#include "micro_batch.h"
#include "support/expect_error.h"
#include "support/ranks.h"
#include "support/toy_records.h"

namespace lockstep::train {
namespace {

constexpr int kSize = 8, kClasses = 4;

/// Toy pictures as a batch with memory of its own.
struct ToyBatch {
  explicit ToyBatch(int64_t count) : labels(static_cast<size_t>(count)), ids(static_cast<size_t>(count)) {
    for (int64_t i = 0; i < count; ++i) {
      const auto picture = test::toy_picture(static_cast<int>(i % kClasses), kSize, static_cast<uint64_t>(i));
      pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
      labels[static_cast<size_t>(i)] = static_cast<float>(i % kClasses);
      ids[static_cast<size_t>(i)] = i;
    }
    batch = {.count = count,
             .global_count = count,
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

Learner make_learner(double momentum = 0, nn::Compute compute = {}) {
  const Config config =
      load_config_text(cat("channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", "
                           "num_classes: 4, weight_decay: 0, momentum: ",
                           momentum, "}\nrun: {output: x, device: cpu}\n"),
                       "test.yaml")
          .config;
  return build_learner(config, make_graph(config), compute);
}

std::unique_ptr<comm::Communicator> alone() { return comm::make_communicator("local", comm::Launch{}, 10); }

StepResult do_step(Step& step, const data::HostBatch& batch, double learning_rate = 0.01) {
  step.start(batch, learning_rate);
  return step.take();
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

double length(const at::Tensor& values) { return values.to(at::kDouble).norm().item<double>(); }

TEST(Step, CountsWhatItDid) {
  Learner learner = make_learner();
  const auto communicator = alone();
  Step step(learner, *communicator, {.global_batch = 12, .top_k = 2});
  const ToyBatch toy(12);
  const StepResult result = do_step(step, toy.batch);
  EXPECT_EQ(result.count, 12);
  EXPECT_NEAR(result.loss / 12, std::log(4.0), 0.7);
  EXPECT_GE(result.correct_top_k, result.correct);
  EXPECT_GT(result.gradient_norm, 0);
  EXPECT_TRUE(result.applied);
  EXPECT_EQ(result.stop_votes, 0);
  EXPECT_EQ(result.batch.ids.size(), 12u);
  step.start(toy.batch, 0.01, true);
  EXPECT_EQ(step.in_flight(), 1);
  EXPECT_EQ(step.take().stop_votes, 1);
}

// With BatchNorm frozen the gradient of a sum is the sum of the gradients.
TEST(Step, InPartsIsTheSameStep) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner whole = make_learner();
  Step first(whole, *communicator, {.global_batch = 12, .mode = nn::Mode::kFrozen});
  const at::Tensor before = whole.network->parameters().clone();
  const StepResult expected = do_step(first, toy.batch);
  for (const int64_t part : {1, 5, 6, 100}) {
    Learner parts = make_learner();
    Step step(parts, *communicator, {.global_batch = 12, .micro_batch = part, .mode = nn::Mode::kFrozen});
    const StepResult result = do_step(step, toy.batch);
    EXPECT_EQ(result.count, 12);
    EXPECT_NEAR(result.loss, expected.loss, 1e-5 * expected.loss);
    EXPECT_LE(length(parts.network->parameters().sub(whole.network->parameters())),
              1e-5 * length(whole.network->parameters().sub(before)))
        << part;
  }
}

TEST(Step, ShortensALongGradientAndLeavesAShortOne) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner free = make_learner(), clipped = make_learner(), loose = make_learner();
  const at::Tensor before = free.network->parameters().clone();
  Step(free, *communicator, {.global_batch = 12}).start(toy.batch, 0.5);
  Step step(clipped, *communicator, {.global_batch = 12, .clip_gradient_norm = 0.01});
  const StepResult result = do_step(step, toy.batch, 0.5);
  EXPECT_GT(result.gradient_norm, 0.01) << "the norm is that before clipping";
  EXPECT_NEAR(length(clipped.network->parameters().sub(before)), 0.5 * 0.01, 1e-6);
  Step(loose, *communicator, {.global_batch = 12, .clip_gradient_norm = 1e6}).start(toy.batch, 0.5);
  EXPECT_TRUE(same_bits(loose.network->parameters(), free.network->parameters()));
}

TEST(Step, LeavesEverythingAloneWhenAGradientIsNotFinite) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner learner = make_learner(0.9);
  learner.average_parameters.emplace(learner.network->parameters(), 0.9);
  learner.average_statistics.emplace(learner.network->statistics(), 0.9);
  Step step(learner, *communicator, {.global_batch = 12});
  EXPECT_TRUE(do_step(step, toy.batch).applied);
  // The largest weight that there is makes infinity in the next layer and NaN behind it.
  learner.network->parameters().narrow(0, 0, 32).fill_(std::numeric_limits<float>::max());
  const auto everything = [&] {
    return at::cat({learner.network->parameters(), learner.network->statistics(), learner.optimizer->moments()[0],
                    learner.average_parameters->values(), learner.average_statistics->values()});
  };
  const at::Tensor before = everything();
  const StepResult result = do_step(step, toy.batch);
  EXPECT_FALSE(result.applied);
  EXPECT_EQ(result.count, 12);
  EXPECT_TRUE(same_bits(everything(), before));
  EXPECT_EQ(learner.optimizer->applied(), 1);
}

TEST(Step, AveragesTheWeightsOverItsUpdates) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner learner = make_learner(0.9);
  learner.average_parameters.emplace(learner.network->parameters(), 0.7);
  learner.average_statistics.emplace(learner.network->statistics(), 0.7);
  at::Tensor weights = learner.network->parameters().to(at::kDouble),
             statistics = learner.network->statistics().to(at::kDouble);
  Step step(learner, *communicator, {.global_batch = 12});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(do_step(step, toy.batch, 0.1).applied);
    weights.mul_(0.7).add_(learner.network->parameters(), 0.3);
    statistics.mul_(0.7).add_(learner.network->statistics(), 0.3);
  }
  EXPECT_LT(length(learner.average_parameters->values().sub(weights)), 1e-6 * length(weights));
  EXPECT_LT(length(learner.average_statistics->values().sub(statistics)), 1e-6 * length(statistics));
  EXPECT_GT(length(learner.network->parameters().sub(weights)), 1e-3 * length(weights)) << "or nothing was averaged";
}

TEST(Step, AScaledLossGivesTheSameStep) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner plain = make_learner(), scaled = make_learner();
  scaled.scaler.emplace(scaled.network->parameters());
  Step(plain, *communicator, {.global_batch = 12}).start(toy.batch, 0.5);
  Step step(scaled, *communicator, {.global_batch = 12});
  EXPECT_EQ(do_step(step, toy.batch, 0.5).loss_scale, 65536);
  EXPECT_TRUE(same_bits(plain.network->parameters(), scaled.network->parameters())) << "2^16 costs no bit";
}

TEST(Step, LowersALossScaleThatIsTooLarge) {
  const ToyBatch toy(12);
  const auto communicator = alone();
  Learner learner = make_learner();
  learner.scaler.emplace(learner.network->parameters());
  learner.scaler->restore({.scale = 1e38});
  Step step(learner, *communicator, {.global_batch = 1});  // a small nominal batch makes gradients large
  const at::Tensor before = learner.network->parameters().clone();
  EXPECT_FALSE(do_step(step, toy.batch).applied);
  EXPECT_TRUE(same_bits(learner.network->parameters(), before));
  const StepResult next = do_step(step, toy.batch);
  EXPECT_TRUE(next.applied);
  EXPECT_EQ(next.loss_scale, 1 << 24) << "the largest that there is";
}

TEST(Step, LearnsInBfloat16) {
  const ToyBatch toy(24);
  const auto communicator = alone();
  Learner learner = make_learner(0.9, {.precision = nn::Precision::kBfloat16});
  Step step(learner, *communicator, {.global_batch = 24});
  const double first = do_step(step, toy.batch, 0.05).loss;
  double last = first;
  for (int i = 0; i < 20; ++i) last = do_step(step, toy.batch, 0.05).loss;
  EXPECT_LT(last, 0.3 * first);
  EXPECT_TRUE(same_bits(learner.network->working_copy(), learner.network->parameters().to(at::kBFloat16)));
}

TEST(Step, WithoutSamplesTakesPart) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    Learner learner = make_learner();
    Step step(learner, communicator, {.global_batch = 12});
    const ToyBatch toy(12), none(0);
    const StepResult result = do_step(step, communicator.rank() == 0 ? toy.batch : none.batch);
    EXPECT_EQ(result.count, 12);
    EXPECT_TRUE(result.applied);
    step.start(none.batch, 0.1);
    EXPECT_FALSE(step.take().applied) << "nobody had a sample";
  });
}

TEST(Averages, TakeTheNetworksPlaceAndGiveItBack) {
  Learner learner = make_learner();
  const at::Tensor own = learner.network->parameters().clone();
  learner.average_parameters.emplace(learner.network->parameters(), 0.5);
  learner.average_statistics.emplace(learner.network->statistics(), 0.5);
  learner.average_parameters->values().fill_(3);
  {
    const UseAverages averaged(learner);
    EXPECT_EQ(learner.network->parameters().min().item<float>(), 3);
    EXPECT_TRUE(same_bits(learner.average_parameters->values(), own));
  }
  EXPECT_TRUE(same_bits(learner.network->parameters(), own));
  EXPECT_EQ(learner.average_parameters->values().max().item<float>(), 3);
}

TEST(MicroBatch, IsTheWholeShareWhereItFits) {
  Learner learner = make_learner();
  const auto communicator = alone();
  const auto choose = [&](const std::string& setting, int64_t share) {
    return choose_micro_batch(setting, *learner.network, nn::Precision::kFloat32, share, *communicator);
  };
  EXPECT_EQ(choose("", 8), 0);
  EXPECT_EQ(choose("3", 8), 3);
  EXPECT_EQ(choose("auto", 8), 0);
  EXPECT_EQ(learner.network->parameter_gradients().abs().max().item<float>(), 0) << "a trial leaves nothing behind";
}

TEST(MicroBatch, NamesRankBatchAndWhatMayFit) {
  Learner learner = make_learner();
  const comm::Launch launch{.rank = 3, .size = 4, .host = "node1"};
  try {
    TORCH_CHECK(false, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 640 bytes.");
  } catch (const c10::Error& error) {
    const std::string message =
        test::expect_error(ErrorKind::kDevice, [&] { explain_out_of_memory(error, *learner.network, launch, 64); });
    for (const char* part : {"rank 3 (node1)", "64 samples", "640 bytes", "run.micro_batch=32"})
      test::expect_contains(message, part);
  }
  try {
    TORCH_CHECK(false, "something else");
  } catch (const c10::Error& error) {
    explain_out_of_memory(error, *learner.network, launch, 64);
  }
}

}  // namespace
}  // namespace lockstep::train

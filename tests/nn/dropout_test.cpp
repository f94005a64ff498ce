// What Dropout draws is a function of the run's seed, the step and the sample.
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "operators.h"
#include "support/expect_error.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kWidth = 100'000;

/// What stays of ones, [N, kWidth] or of the shape given.
at::Tensor drawn(const std::vector<int64_t>& keys, const std::string& name = "drop", const std::string& p = "0.3",
                 std::vector<int64_t> shape = {}) {
  const model::Node node{.op = "Dropout", .name = name, .attributes = {{"p", p}}};
  if (shape.empty()) shape = {static_cast<int64_t>(keys.size()), kWidth};
  NodeRun run{.node = &node,
              .mode = Mode::kTrain,
              .inputs = {at::ones(shape).contiguous(shape.size() == 4 ? at::MemoryFormat::ChannelsLast
                                                                      : at::MemoryFormat::Contiguous)},
              .sample_keys = at::tensor(keys, at::kLong)};
  return kernel_of(node).forward(run);
}

double share_of_zeros(const at::Tensor& values) { return values.eq(0).to(at::kDouble).mean().item<double>(); }
/// How often both are zero or both are not.
double agreement(const at::Tensor& a, const at::Tensor& b) {
  return a.eq(0).eq(b.eq(0)).to(at::kDouble).mean().item<double>();
}

TEST(Dropout, DropsTheShareThatItIsToldAndKeepsTheMean) {
  const at::Tensor values = drawn({1, 77, 4000000000});
  EXPECT_NEAR(share_of_zeros(values), 0.3, 0.005);
  EXPECT_NEAR(values.mean().item<double>(), 1, 0.01);
  EXPECT_NEAR(values.max().item<double>(), 1 / 0.7, 1e-6);
}

TEST(Dropout, SamplesNodesAndNeighboursAreDrawnIndependently) {
  const at::Tensor one = drawn({1, 2}, "drop", "0.5"), other = drawn({1, 2}, "drop2", "0.5");
  const double tolerance = 0.01;  // of 100,000 draws
  EXPECT_NEAR(agreement(one[0], one[1]), 0.5, tolerance) << "keys that differ in a bit";
  EXPECT_NEAR(agreement(one[0], other[0]), 0.5, tolerance) << "two nodes";
  for (const int64_t distance : {1, 2, 64})
    EXPECT_NEAR(agreement(one[0].narrow(0, 0, kWidth - distance), one[0].narrow(0, distance, kWidth - distance)), 0.5,
                tolerance)
        << distance;
}

TEST(Dropout, APictureIsDrawnInTheSameOrderWhateverItsMemory) {
  const at::Tensor picture = drawn({5, 6}, "drop", "0.5", {2, 4, 5, 6}),
                   row = drawn({5, 6}, "drop", "0.5", {2, 4 * 5 * 6});
  EXPECT_TRUE(picture.contiguous().view({2, 4 * 5 * 6}).equal(row));
}

/// data -> Flatten -> Dropout -> FullyConnected -> SoftmaxOutput
model::Graph dropping_graph() {
  model::Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"Flatten", "flat", {}, {{0}}},
                 {"Dropout", "drop", {{"p", "0.5"}}, {{1}}},
                 {"null", "fc_weight", {}, {}},
                 {"FullyConnected", "fc", {{"num_hidden", "10"}, {"no_bias", "True"}}, {{2}, {3}}},
                 {"null", "softmax_label", {}, {}},
                 {"SoftmaxOutput", "softmax", {}, {{4}, {5}}}};
  graph.heads = {{6}};
  return graph;
}

Network dropping_network(uint64_t seed = 1) { return Network(dropping_graph(), {1, 3, 8, 8}, seed); }

/// The weights stay those of seed 1, so that only the draws differ.
at::Tensor logits_of(uint64_t seed, int64_t epoch, int64_t batch, const std::vector<int64_t>& samples) {
  Network network = dropping_network(seed);
  network.load(dropping_network().arrays());
  network.begin_step(epoch, batch, samples);
  return network.forward(at::ones({static_cast<int64_t>(samples.size()), 3, 8, 8}), Mode::kTrain);
}

TEST(Dropout, FollowsFromSeedEpochBatchAndSampleAlone) {
  const at::Tensor logits = logits_of(1, 2, 3, {40, 50});
  EXPECT_TRUE(logits.equal(logits_of(1, 2, 3, {40, 50})));
  EXPECT_FALSE(logits.equal(logits_of(9, 2, 3, {40, 50}))) << "another seed";
  EXPECT_FALSE(logits.equal(logits_of(1, 4, 3, {40, 50}))) << "another epoch";
  EXPECT_FALSE(logits.equal(logits_of(1, 2, 4, {40, 50}))) << "another batch";
  EXPECT_FALSE(logits[0].equal(logits[1])) << "another sample";
}

TEST(Dropout, OfASampleIsTheSameInAnyPartOfTheBatch) {
  const at::Tensor whole = logits_of(1, 0, 0, {7, 8, 9}), part = logits_of(1, 0, 0, {9, 7});
  EXPECT_LE(test::relative_error(part[0], whole[2]), 1e-6);
  EXPECT_LE(test::relative_error(part[1], whole[0]), 1e-6);
}

TEST(Dropout, ChangesFromStepToStepOfOneNetwork) {
  Network network = dropping_network();
  const at::Tensor images = at::ones({2, 3, 8, 8});
  const std::vector<int64_t> samples = {0, 1};
  network.begin_step(0, 0, samples);
  const at::Tensor first = network.forward(images, Mode::kTrain);
  EXPECT_TRUE(network.forward(images, Mode::kFrozen).equal(first)) << "until the next step begins";
  network.begin_step(0, 1, samples);
  EXPECT_FALSE(network.forward(images, Mode::kTrain).equal(first));
}

TEST(Dropout, LeavesPredictionAlone) {
  Network network = dropping_network();
  const at::Tensor images = at::ones({2, 3, 8, 8});
  const at::Tensor logits = network.forward(images, Mode::kEvaluate);
  EXPECT_TRUE(logits[0].equal(logits[1]));
  EXPECT_TRUE(network.forward(at::ones({5, 3, 8, 8}), Mode::kEvaluate)[4].equal(logits[0])) << "any number of samples";
}

TEST(Dropout, DrawsByPositionWhereNoStepWasBegun) {
  Network network = dropping_network();
  const at::Tensor logits = network.forward(at::ones({2, 3, 8, 8}), Mode::kTrain);
  EXPECT_TRUE(logits.equal(dropping_network().forward(at::ones({2, 3, 8, 8}), Mode::kTrain)));
  EXPECT_EQ(network.forward(at::ones({3, 3, 8, 8}), Mode::kTrain).size(0), 3);
}

TEST(Dropout, NoticesAnotherBatchThanTheOneThatWasBegun) {
  Network network = dropping_network();
  network.begin_step(0, 0, std::vector<int64_t>{1, 2});
  test::expect_contains(
      test::expect_error(ErrorKind::kBug, [&] { network.forward(at::ones({3, 3, 8, 8}), Mode::kTrain); }),
      "began with 2 samples and now has 3");
}

TEST(Dropout, GivesTheGradientOfWhatItKept) {
  Network network = dropping_network();
  const at::Tensor images = test::random_images(2, 8);
  network.begin_step(0, 0, std::vector<int64_t>{3, 4});
  const at::Tensor before = network.forward(images, Mode::kTrain);
  const at::Tensor gradient = test::random_tensor({2, 10}, 5);
  network.backward(gradient);
  const at::Tensor slope = network.parameter_gradients().clone();
  network.parameters().add_(slope, 1e-6);
  const at::Tensor change = network.forward(images, Mode::kTrain).sub(before).mul(gradient).sum();
  const double expected = slope.pow(2).sum().item<double>() * 1e-6;
  EXPECT_NEAR(change.item<double>(), expected, 0.02 * expected);
}

}  // namespace
}  // namespace lockstep::nn

#include "lockstep/nn/network.h"

#include <cstring>
#include <map>
#include <set>

#include <ATen/ops/cosine_similarity.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "lockstep/model/array.h"
#include "support/expect_error.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using test::counting_labels;
using test::make_resnet;
using test::random_images;
using test::relative_error;

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == b.numel() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

at::Tensor segment_gradient(Network& network, const std::string& name) {
  for (const Segment& segment : network.segments())
    if (segment.name == name) return view(network.gradients(), segment);
  ADD_FAILURE() << "no segment " << name;
  return {};
}

void add_scaled(at::Tensor& parameters, const at::Tensor& gradients, float factor) {
  float* w = parameters.data_ptr<float>();
  for (int64_t i = 0; i < parameters.numel(); ++i) w[i] += factor * gradients.const_data_ptr<float>()[i];
}

TEST(Network, CountsTheParametersOfMxnet) {
  Network network = make_resnet(20, 8);
  EXPECT_EQ(network.parameter_count(), 272544);
  EXPECT_GE(network.parameters().numel(), 272544);
  EXPECT_EQ(network.gradients().numel(),
            network.parameters().numel() + network.statistics().numel() + Network::kTrailer);
  EXPECT_EQ(network.classes(), 10);
  EXPECT_FALSE(network.multi_label());
}

TEST(Network, SegmentsLieInReverseNodeOrderOnAlignedPlaces) {
  Network network = make_resnet(20, 8);
  EXPECT_EQ(network.segments().front().name, "fc1_weight");
  EXPECT_EQ(network.segments().back().name, "bn_data_beta");
  int64_t end = 0;
  for (const Segment& segment : network.segments()) {
    EXPECT_EQ(segment.begin, (end + 31) / 32 * 32) << segment.name;
    EXPECT_EQ(segment.end - segment.begin, model::count(segment.shape)) << segment.name;
    EXPECT_EQ(segment.channels_last, segment.shape.size() == 4) << segment.name;
    EXPECT_EQ(segment.decays, segment.name.ends_with("_weight") || segment.name.ends_with("_gamma")) << segment.name;
    EXPECT_EQ(segment.fixed, segment.name == "bn_data_gamma") << segment.name;
    end = segment.end;
  }
  EXPECT_EQ((end + 31) / 32 * 32, network.parameters().numel());
}

TEST(Network, TakesAnyNumberOfImages) {
  Network network = make_resnet(20, 8);
  for (const int64_t n : {1, 3, 16})
    for (const Mode mode : {Mode::kTrain, Mode::kFrozen, Mode::kEvaluate})
      EXPECT_EQ(network.forward(random_images(n, 8), mode).sizes(), at::IntArrayRef({n, 10}));
}

TEST(Network, RefusesImagesOfAnotherShape) {
  Network network = make_resnet(20, 8);
  const std::string message = test::expect_error(
      ErrorKind::kData, [&] { network.forward(test::random_tensor({2, 1, 8, 8}, 1), Mode::kEvaluate); });
  test::expect_contains(message, "(2, 1, 8, 8)");
}

TEST(Network, LeavesTheImagesAlone) {
  Network network = make_resnet(20, 8);
  const at::Tensor images = random_images(4, 8), before = images.clone();
  test::step(network, images, counting_labels(4, 10), Mode::kTrain, 4);
  EXPECT_TRUE(same_bits(images, before));
}

TEST(Network, UpdatesStatisticsOnlyWhenTraining) {
  Network network = make_resnet(20, 8);
  const at::Tensor before = network.statistics().clone();
  network.forward(random_images(4, 8), Mode::kEvaluate);
  network.forward(random_images(4, 8), Mode::kFrozen);
  EXPECT_TRUE(same_bits(network.statistics(), before));
  network.forward(random_images(4, 8), Mode::kTrain);
  EXPECT_FALSE(same_bits(network.statistics(), before));
}

TEST(Network, FrozenEqualsEvaluate) {
  Network network = make_resnet(20, 8);
  network.forward(random_images(4, 8), Mode::kTrain);
  const at::Tensor images = random_images(4, 8, 2);
  EXPECT_TRUE(same_bits(network.forward(images, Mode::kFrozen), network.forward(images, Mode::kEvaluate)));
}

TEST(Network, KeepsFiniteStatisticsWhenAChannelHasOneValue) {
  Network network = make_resnet(20, 4);  // the last stage is 1x1
  test::step(network, random_images(1, 4), counting_labels(1, 10), Mode::kTrain, 1);
  EXPECT_TRUE(network.statistics().isfinite().all().item<bool>());
  EXPECT_TRUE(network.gradients().isfinite().all().item<bool>());
}

TEST(Network, PutsStatisticsBehindTheGradients) {
  Network network = make_resnet(20, 8);
  network.gradients().fill_(5);
  test::step(network, random_images(4, 8), counting_labels(4, 10), Mode::kTrain, 4);
  EXPECT_TRUE(same_bits(network.summed_statistics(), network.statistics()));
  EXPECT_EQ(network.gradients()[-1].item<float>(), 5) << "the trailer belongs to the caller";
}

TEST(Network, ClearedGradientsCarryTheStatistics) {
  Network network = make_resnet(20, 8);
  test::step(network, random_images(4, 8), counting_labels(4, 10), Mode::kTrain, 4);
  network.clear_gradients();
  EXPECT_EQ(network.parameter_gradients().abs().max().item<float>(), 0);
  EXPECT_TRUE(same_bits(network.summed_statistics(), network.statistics()));
}

TEST(Network, FinishesSlicesFromFrontToBack) {
  Network network = make_resnet(20, 8);
  std::vector<int64_t> ends;
  std::vector<at::Tensor> at_that_time;
  test::step(network, random_images(4, 8), counting_labels(4, 10), Mode::kTrain, 4, [&](int64_t end) {
    ends.push_back(end);
    at_that_time.push_back(network.gradients().narrow(0, 0, end).clone());
  });
  std::set<int64_t> segment_ends;
  for (const Segment& segment : network.segments()) segment_ends.insert(segment.end);
  ASSERT_GT(ends.size(), 40u) << "a call for nearly every operator with parameters";
  for (size_t i = 0; i < ends.size(); ++i) {
    EXPECT_TRUE(i == 0 || ends[i] > ends[i - 1]);
    EXPECT_TRUE(i + 1 == ends.size() || segment_ends.contains(ends[i]));
    EXPECT_TRUE(same_bits(at_that_time[i], network.gradients().narrow(0, 0, ends[i])))
        << "changed after it was said to be final";
  }
  EXPECT_EQ(ends.back(), network.gradients().numel());
}

TEST(Network, RepeatsItselfBitForBit) {
  Network first = make_resnet(20, 8), second = make_resnet(20, 8);
  for (int i = 0; i < 2; ++i) {
    test::step(first, random_images(8, 8), counting_labels(8, 10), Mode::kTrain, 8);
    test::step(second, random_images(8, 8), counting_labels(8, 10), Mode::kTrain, 8);
    EXPECT_TRUE(same_bits(first.gradients(), second.gradients()));
    add_scaled(first.parameters(), first.gradients(), -0.1f);
    add_scaled(second.parameters(), second.gradients(), -0.1f);
  }
}

TEST(Network, AccumulatesToTheGradientOfTheWholeBatch) {
  Network network = make_resnet(20, 8);
  const at::Tensor images = random_images(8, 8), labels = counting_labels(8, 10);
  network.forward(images, Mode::kTrain);  // statistics to freeze
  test::step(network, images, labels, Mode::kFrozen, 8);
  const at::Tensor whole = network.parameter_gradients().clone();
  test::step(network, images.narrow(0, 0, 3), labels.narrow(0, 0, 3), Mode::kFrozen, 8);
  test::step(network, images.narrow(0, 3, 5), labels.narrow(0, 3, 5), Mode::kFrozen, 8, {}, true);
  EXPECT_LE(relative_error(network.parameter_gradients(), whole), 1e-5);
}

TEST(Network, FixedGammaGetsNoGradientAndTheBetaBelowTheStemDoes) {
  Network network = make_resnet(20, 8);
  network.gradients().fill_(0);
  test::step(network, random_images(4, 8), counting_labels(4, 10), Mode::kTrain, 4);
  EXPECT_EQ(segment_gradient(network, "bn_data_gamma").abs().max().item<float>(), 0);
  EXPECT_GT(segment_gradient(network, "bn_data_beta").abs().max().item<float>(), 0);
}

TEST(Network, TimesEveryNodeWhileSomebodyListens) {
  Network network = make_resnet(20, 8);
  std::map<std::string, int> forward, backward;
  network.time_nodes([&](const model::Node& node, bool back, double seconds) {
    ++(back ? backward : forward)[node.op];
    EXPECT_GE(seconds, 0);
  });
  test::step(network, random_images(2, 8), counting_labels(2, 10), Mode::kTrain, 2);
  EXPECT_EQ(forward["Convolution"], 21);
  EXPECT_EQ(backward["Convolution"], 21);
  EXPECT_EQ(backward["BatchNorm+Convolution"], 1) << "the first one";
  EXPECT_EQ(forward["FullyConnected"], 1);
  network.time_nodes({});
  test::step(network, random_images(2, 8), counting_labels(2, 10), Mode::kTrain, 2);
  EXPECT_EQ(forward["Convolution"], 21);
}

TEST(Network, OverfitsEightImages) {
  Network network = make_resnet(20, 8);
  const at::Tensor images = random_images(8, 8), labels = counting_labels(8, 8);
  double loss = 0;
  for (int i = 0; i < 60; ++i) {
    loss = test::step(network, images, labels, Mode::kTrain, 8) / 8;
    add_scaled(network.parameters(), network.gradients(), -0.1f);
  }
  EXPECT_LT(loss, 0.05);
}

TEST(Network, LearnsSeveralLabelsAnImage) {
  Network network(
      model::make_network("resnet_v2", {.num_layers = 20, .classes = 4, .height = 8, .width = 8, .multi_label = true}),
      {8, 3, 8, 8}, 1);
  EXPECT_TRUE(network.multi_label());
  const at::Tensor images = random_images(8, 8), labels = test::random_tensor({8, 4}, 3).ge(0).to(at::kFloat);
  double first = 0, loss = 0;
  for (int i = 0; i < 30; ++i) {
    at::Tensor gradient;
    loss = sigmoid_loss(network.forward(images, Mode::kTrain), labels, {.nominal = 8}, gradient).item<double>() / 8;
    if (i == 0) first = loss;
    network.backward(gradient);
    add_scaled(network.parameters(), network.gradients(), -0.3f);
  }
  EXPECT_LT(loss, 0.2 * first);
}

TEST(Network, ArraysComeBackUnchanged) {
  Network from = make_resnet(20, 8, 10, 1), to = make_resnet(20, 8, 10, 2);
  from.forward(random_images(4, 8), Mode::kTrain);
  EXPECT_FALSE(same_bits(from.parameters(), to.parameters()));
  EXPECT_TRUE(to.load(from.arrays()).empty());
  EXPECT_TRUE(same_bits(from.parameters(), to.parameters()));
  EXPECT_TRUE(same_bits(from.statistics(), to.statistics()));
}

TEST(Network, ArraysHoldConvolutionWeightsInMxnetOrder) {
  Network network = make_resnet(20, 8);
  const model::Arrays arrays = network.arrays();
  const model::Array* stem = model::find_array(arrays, "arg:conv0_weight");
  ASSERT_NE(stem, nullptr);
  EXPECT_EQ(stem->shape, (model::Shape{16, 3, 3, 3}));
  for (const Segment& segment : network.segments())
    if (segment.name == "conv0_weight") {
      const float* stored =
          network.parameters().const_data_ptr<float>() + segment.begin;  // [16, 3, 3, 3] as (out, kh, kw, in)
      EXPECT_EQ(model::to_floats(*stem)[9 + 1], stored[3 + 1]) << "out 0, in 1, row 0, column 1";
    }
}

TEST(Network, LoadTreatsAFixedGammaAsOne) {
  Network network = make_resnet(20, 8);
  const std::vector<float> shrunk(3, 0.5f);
  network.load({model::float_array("arg:bn_data_gamma", {3}, shrunk.data())});
  EXPECT_EQ(model::to_floats(*model::find_array(network.arrays(), "arg:bn_data_gamma")), std::vector<float>(3, 1.0f));
}

TEST(Network, LoadSaysWhatItDidNotFind) {
  Network from = make_resnet(20, 8, 10, 1), to = make_resnet(20, 8, 7, 2);
  model::Arrays arrays = from.arrays();
  std::erase_if(arrays, [](const model::Array& array) { return array.name == "aux:bn1_moving_var"; });
  const auto missing = to.load(arrays);
  ASSERT_EQ(missing.size(), 3u);
  const std::string all = missing[0] + "; " + missing[1] + "; " + missing[2];
  test::expect_contains(all, "aux:bn1_moving_var is absent");
  test::expect_contains(all, "arg:fc1_weight has the shape (10, 64) instead of (7, 64)");
  test::expect_contains(all, "arg:fc1_bias");
}

TEST(Network, StartsEqualForEqualSeeds) {
  Network one = make_resnet(20, 8, 10, 1), same = make_resnet(20, 8, 10, 1), other = make_resnet(20, 8, 10, 2);
  EXPECT_TRUE(same_bits(one.parameters(), same.parameters()));
  EXPECT_FALSE(same_bits(one.parameters(), other.parameters()));
}

TEST(Network, RefusesAParameterWithTwoUsers) {
  model::Graph graph = model::make_network("resnet_v2", {.num_layers = 20, .classes = 10, .height = 8, .width = 8});
  const int first = graph.find("stage1_unit2_conv1_weight"), user = graph.find("stage1_unit2_conv2");
  ASSERT_GE(first, 0);
  ASSERT_GE(user, 0);
  graph.nodes[static_cast<size_t>(user)].inputs[1].node = first;
  const std::string message = test::expect_error(ErrorKind::kData, [&] { Network(graph, {1, 3, 8, 8}, 1); });
  test::expect_contains(message, "stage1_unit2_conv1_weight");
}

TEST(SixteenBits, FollowFloat32) {
  for (const int64_t depth : {20, 50}) {
    Network full = make_resnet(depth, 32, 10, 1), half = make_resnet(depth, 32, 10, 1, Precision::kBfloat16);
    const at::Tensor pictures = random_images(4, 32);
    const at::Tensor expected = full.forward(pictures, Mode::kEvaluate);
    const at::Tensor logits = half.forward(pictures, Mode::kEvaluate);
    EXPECT_EQ(logits.scalar_type(), at::kFloat);
    const double error = relative_error(logits, expected);
    EXPECT_LT(error, 0.05) << depth;
    EXPECT_GT(error, 1e-5) << "16 bits cannot be this exact";
  }
}

TEST(SixteenBits, KeepWeightsGradientsAndStatisticsInFloat32) {
  Network full = make_resnet(20, 16), half = make_resnet(20, 16, 10, 1, Precision::kBfloat16);
  const at::Tensor images = random_images(32, 16), labels = counting_labels(32, 10);
  const double loss = test::step(full, images, labels, Mode::kTrain, 32);
  EXPECT_NEAR(test::step(half, images, labels, Mode::kTrain, 32), loss, 0.03 * loss);
  EXPECT_TRUE(same_bits(half.parameters(), full.parameters()));
  EXPECT_EQ(half.working_copy().scalar_type(), at::kBFloat16);
  EXPECT_FALSE(full.working_copy().defined());
  EXPECT_EQ(half.gradients().scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(half.statistics(), full.statistics()), 0.02);
  const at::Tensor ours = half.parameter_gradients(), theirs = full.parameter_gradients();
  EXPECT_GT(at::cosine_similarity(ours, theirs, 0).item<double>(), 0.93);
}

TEST(SixteenBits, TrainConvolutionsOfEachChannelByItselfSlow) {
  const auto build = [](Precision precision) {
    return Network(model::make_network("mobilenet_v2", {.classes = 10, .height = 32, .width = 32}), {8, 3, 32, 32}, 1,
                   {.precision = precision});
  };
  Network full = build(Precision::kFloat32), half = build(Precision::kBfloat16);
  const at::Tensor images = random_images(8, 32), labels = counting_labels(8, 10);
  const double loss = test::step(full, images, labels, Mode::kTrain, 8);
  EXPECT_NEAR(test::step(half, images, labels, Mode::kTrain, 8), loss, 0.1 * loss);
  double last = 0;
  for (int i = 0; i < 6; ++i) {
    add_scaled(half.parameters(), half.gradients(), -0.05f);
    half.refresh_working_copy();
    last = test::step(half, images, labels, Mode::kTrain, 8);
  }
  EXPECT_LT(last, 0.7 * loss);
}

TEST(SixteenBits, FollowWeightsThatWereLoadedOrChanged) {
  Network half = make_resnet(20, 16, 10, 1, Precision::kBfloat16);
  half.load(make_resnet(20, 16, 10, 2).arrays());
  EXPECT_TRUE(same_bits(half.working_copy(), half.parameters().to(at::kBFloat16)));
  half.parameters().mul_(2);
  half.refresh_working_copy();
  EXPECT_TRUE(same_bits(half.working_copy(), half.parameters().to(at::kBFloat16)));
}

}  // namespace
}  // namespace lockstep::nn

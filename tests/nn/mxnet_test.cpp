// Real MXNet 1.9.1 is the judge: the same symbol, weights and pictures must give the same logits, and the same step.
#include "lockstep/model/mxnet.h"

#include <map>

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "lockstep/core/file.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/convert.h"
#include "support/outside.h"
#include "support/temp_folder.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

model::Array to_array(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kFloat).contiguous();
  return model::float_array(name, plain.sizes().vec(), plain.const_data_ptr<float>());
}

at::Tensor to_tensor(const model::Array& array) {
  std::vector<float> values = model::to_floats(array);
  return at::from_blob(values.data(), array.shape, at::kFloat).clone();
}

/// What both programs read and write.
struct Exchange {
  test::TempFolder folder;

  void give(const Network& network, const at::Tensor& images, const at::Tensor& labels) {
    write_atomic(folder / "symbol.json", model::symbol_text(network.graph()));
    model::write_params(folder / "weights.params", network.arrays());
    model::write_params(folder / "input.params", {to_array("data", images), to_array("label", labels)});
  }
  model::Arrays ask(const std::string& task, const std::string& options = "") {
    const test::Outcome outcome = test::run_mxnet(
        "network.py", cat(task, " ", (folder / "symbol.json").string(), " ", (folder / "weights.params").string(), " ",
                          (folder / "input.params").string(), " ", (folder / "out.params").string(), " ", options));
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    return outcome.status == 0 ? model::read_params(folder / "out.params") : model::Arrays{};
  }
};

void expect_logits_of_mxnet(Network network, int64_t size, double tolerance) {
  test::randomise_batch_norm(network);
  const at::Tensor images = test::random_images(2, size);
  Exchange exchange;
  exchange.give(network, images, test::counting_labels(2, 10));
  const model::Arrays answer = exchange.ask("logits");
  ASSERT_EQ(answer.size(), 1u);
  const auto expect_equal = [&](Network& ours, const char* direction) {
    const double error = test::relative_error(ours.forward(images, Mode::kEvaluate), to_tensor(answer[0]));
    testing::Test::RecordProperty(direction, format("%.1e", error));
    EXPECT_LE(error, tolerance) << direction << ": of the largest logit";
  };
  expect_equal(network, "ours_in_mxnet");
  const model::Artefact theirs = model::read_artefact(exchange.folder / "out.params-symbol.json");
  Network loaded(theirs.graph, images.sizes().vec(), 2);
  ASSERT_TRUE(loaded.load(theirs.arrays).empty());
  expect_equal(loaded, "theirs_here");
}

void expect_logits_of_mxnet(int64_t depth, int64_t size, double tolerance) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  expect_logits_of_mxnet(test::make_resnet(depth, size), size, tolerance);
}

void expect_logits_of_mxnet(const std::string& name, const model::NetworkOptions& options, double tolerance) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  expect_logits_of_mxnet(
      Network(model::make_network(name, options), {2, options.channels, options.height, options.width}, 1),
      options.height, tolerance);
}

TEST(MxnetLogits, OfDepth20) { expect_logits_of_mxnet(20, 28, 1e-5); }
TEST(MxnetLogits, OfDepth18) { expect_logits_of_mxnet(18, 64, 1e-5); }
TEST(MxnetLogits, OfDepth18WithTheSmallStem) { expect_logits_of_mxnet(18, 32, 1e-5); }
TEST(MxnetLogits, OfResNetV1Slow) {
  expect_logits_of_mxnet("resnet_v1", {.num_layers = 50, .classes = 10, .height = 64, .width = 64}, 3e-5);
}
TEST(MxnetLogits, OfResNetV1WithPaddedShortcuts) {
  expect_logits_of_mxnet("resnet_v1", {.num_layers = 20, .classes = 10, .height = 32, .width = 32, .shortcut = "pad"},
                         1e-5);
}
TEST(MxnetLogits, OfMobileNetV2) {
  expect_logits_of_mxnet("mobilenet_v2", {.classes = 10, .height = 64, .width = 64}, 1e-5);
}
TEST(MxnetLogits, OfDepth34Slow) { expect_logits_of_mxnet(34, 64, 1e-5); }
TEST(MxnetLogits, OfDepth56Slow) { expect_logits_of_mxnet(56, 28, 1e-5); }
TEST(MxnetLogits, OfDepth110Slow) { expect_logits_of_mxnet(110, 28, 1e-5); }
TEST(MxnetLogits, OfDepth50Slow) { expect_logits_of_mxnet(50, 64, 3e-5); }
TEST(MxnetLogits, OfDepth101Slow) { expect_logits_of_mxnet(101, 64, 1e-4); }
TEST(MxnetLogits, OfDepth152Slow) { expect_logits_of_mxnet(152, 64, 2e-4); }

model::Artefact artefact_of(const Network& network, int64_t side) {
  model::Artefact artefact;
  artefact.graph = network.graph();
  artefact.arrays = network.arrays();
  artefact.card.network = "resnet_v2";
  artefact.card.height = artefact.card.width = side;
  artefact.epoch = 3;
  return artefact;
}

double loss_of(Network& network, const at::Tensor& images, const at::Tensor& labels) {
  at::Tensor gradient;
  return softmax_loss(network.forward(images, Mode::kEvaluate), labels, {.nominal = 8}, gradient).item<double>();
}

/// MXNet trains an epoch from our files and saves; its files are read here, give the same probabilities, and are
/// trained on.
void expect_trained_both_ways(int64_t depth, int64_t side, bool half) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  Network network = test::make_resnet(depth, side);
  test::randomise_batch_norm(network);
  model::Artefact ours = artefact_of(network, side);
  if (half) ours.arrays = model::to_half(ours.arrays);
  ASSERT_TRUE(network.load(ours.arrays).empty());
  const test::TempFolder folder;
  model::write_artefact(folder / "ours", ours, false);
  const at::Tensor images = test::random_images(8, side), labels = test::counting_labels(8, 10);
  model::write_params(folder / "data.params", {to_array("data", images), to_array("label", labels)});
  const test::Outcome outcome =
      test::run_mxnet("train_epoch.py", cat((folder / "ours/image-classification").string(), " 3 ",
                                            (folder / "data.params").string(), " ", (folder / "theirs").string()));
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  const model::Arrays answers = model::read_params(folder / "theirs.out.params");
  // An error of the logits is multiplied by their size on the way through softmax.
  const auto expect_probabilities = [&](Network& net, const char* name) {
    const at::Tensor probabilities = net.forward(images, Mode::kEvaluate).softmax(1);
    EXPECT_LE(test::relative_error(probabilities, to_tensor(*model::find_array(answers, name))), 1e-4) << name;
  };
  expect_probabilities(network, "before");

  const model::Artefact theirs = model::read_artefact(folder / "theirs");
  EXPECT_EQ(model::symbol_text(theirs.graph), model::symbol_text(network.graph()));
  Network trained(theirs.graph, {8, 3, side, side}, 1);
  ASSERT_TRUE(trained.load(theirs.arrays).empty());
  expect_probabilities(trained, "after");
  const double before = loss_of(trained, images, labels);
  test::step(trained, images, labels, Mode::kFrozen, 8);
  const at::Tensor slope = trained.parameter_gradients();
  trained.parameters().add_(slope, -1e-3 * before / slope.pow(2).sum().item<double>());
  EXPECT_LT(loss_of(trained, images, labels), before);
}

TEST(MxnetEpoch, FromOurModelAndBack) { expect_trained_both_ways(20, 8, false); }
TEST(MxnetEpoch, FromOurModelOfHalvesAndBack) { expect_trained_both_ways(20, 8, true); }
TEST(MxnetEpoch, FromOurModelOfDepth18AndBackSlow) { expect_trained_both_ways(18, 32, false); }

TEST(MxnetStep, ChangesTheWeightsAlike) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  constexpr double kRate = 0.01, kDecay = 1e-4;
  Network network = test::make_resnet(20, 8);
  test::randomise_batch_norm(network);
  const at::Tensor images = test::random_images(8, 8), labels = test::counting_labels(8, 10);
  Exchange exchange;
  exchange.give(network, images, labels);
  const model::Arrays after = exchange.ask("update", "0.01 0.9 0.0001");

  test::step(network, images, labels, Mode::kTrain, 8);
  double largest = 0, error = 0;
  for (const Segment& segment : network.segments()) {
    if (segment.fixed) continue;
    const model::Array* array = model::find_array(after, "arg:" + segment.name);
    ASSERT_NE(array, nullptr) << segment.name;
    const at::Tensor before = view(network.parameters(), segment).to(at::kDouble);
    const at::Tensor theirs = to_tensor(*array).to(at::kDouble).sub(before);
    const at::Tensor slope =
        view(network.gradients(), segment).to(at::kDouble).add(before, segment.decays ? kDecay : 0.0);
    error = std::max(error, slope.mul(-kRate).sub(theirs).abs().max().item<double>());
    largest = std::max(largest, theirs.abs().max().item<double>());
  }
  EXPECT_LE(error / largest, 1e-4) << "of the largest update";
}

}  // namespace
}  // namespace lockstep::nn

// Real MXNet 1.9.1 is the judge: the same symbol, weights and pictures must give the same logits, and the same step.
#include "lockstep/model/mxnet.h"

#include <map>

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "lockstep/core/file.h"
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

void expect_logits_of_mxnet(int64_t depth, int64_t size, double tolerance) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  Network network = test::make_resnet(depth, size);
  test::randomise_batch_norm(network);
  const at::Tensor images = test::random_images(2, size);
  Exchange exchange;
  exchange.give(network, images, test::counting_labels(2, 10));
  const model::Arrays answer = exchange.ask("logits");
  ASSERT_EQ(answer.size(), 1u);
  const double error = test::relative_error(network.forward(images, Mode::kEvaluate), to_tensor(answer[0]));
  testing::Test::RecordProperty("relative_error", std::to_string(error));
  EXPECT_LE(error, tolerance) << "of the largest logit";
}

TEST(MxnetLogits, OfDepth20) { expect_logits_of_mxnet(20, 28, 1e-5); }
TEST(MxnetLogits, OfDepth18) { expect_logits_of_mxnet(18, 64, 1e-5); }
TEST(MxnetLogits, OfDepth18WithTheSmallStem) { expect_logits_of_mxnet(18, 32, 1e-5); }
TEST(MxnetLogits, OfDepth34Slow) { expect_logits_of_mxnet(34, 64, 1e-5); }
TEST(MxnetLogits, OfDepth56Slow) { expect_logits_of_mxnet(56, 28, 1e-5); }
TEST(MxnetLogits, OfDepth110Slow) { expect_logits_of_mxnet(110, 28, 1e-5); }
TEST(MxnetLogits, OfDepth50Slow) { expect_logits_of_mxnet(50, 64, 3e-5); }
TEST(MxnetLogits, OfDepth101Slow) { expect_logits_of_mxnet(101, 64, 1e-4); }
TEST(MxnetLogits, OfDepth152Slow) { expect_logits_of_mxnet(152, 64, 2e-4); }

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

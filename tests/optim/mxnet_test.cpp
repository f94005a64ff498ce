// Real MXNet 1.9.1 is the judge of the update rules. Not of nag: its arithmetic changed with MXNet 1.5, and ours is the
// older one.
#include "lockstep/model/mxnet.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "lockstep/core/rng.h"
#include "lockstep/optim/optimizer.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kHalf = 1000;  // of weights, and of biases behind them
constexpr int kUpdates = 100;

std::vector<float> random_values(uint64_t id) {
  std::vector<float> values(2 * kHalf);
  Rng rng(7, RngUse::kTest, 0, id);
  std::generate(values.begin(), values.end(), [&] { return static_cast<float>(rng.normal()); });
  return values;
}

std::vector<float> ask_mxnet(const std::string& name, const std::vector<float>& start,
                             const std::vector<float>& gradients, const std::string& options) {
  const test::TempFolder folder;
  const Path in = folder / "in.params", out = folder / "out.params";
  model::write_params(in, {model::float_array("weight", {kHalf}, start.data()),
                           model::float_array("bias", {kHalf}, start.data() + kHalf),
                           model::float_array("weight_gradient", {kHalf}, gradients.data()),
                           model::float_array("bias_gradient", {kHalf}, gradients.data() + kHalf)});
  const test::Outcome outcome =
      test::run_mxnet("optimizer.py", name + " " + in.string() + " " + out.string() + " " + std::to_string(kUpdates) +
                                          " 0.01 0.125 " + options);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  if (outcome.status != 0) return {};
  const model::Arrays answer = model::read_params(out);
  std::vector<float> values = model::to_floats(*model::find_array(answer, "weight"));
  const std::vector<float> biases = model::to_floats(*model::find_array(answer, "bias"));
  values.insert(values.end(), biases.begin(), biases.end());
  return values;
}

void expect_weights_of_mxnet(const std::string& name, const OptimizerOptions& options,
                             const std::string& mxnet_options) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  const std::vector<float> start = random_values(1), gradients = random_values(2);
  const std::vector<float> theirs = ask_mxnet(name, start, gradients, mxnet_options);
  ASSERT_EQ(theirs.size(), start.size());

  at::Tensor parameters = at::empty({2 * kHalf}, at::kFloat), gradient = at::empty({2 * kHalf}, at::kFloat);
  std::copy(start.begin(), start.end(), parameters.data_ptr<float>());
  const auto optimizer = make_optimizer(
      name, {{.begin = 0, .end = kHalf}, {.begin = kHalf, .end = 2 * kHalf, .decays = false}}, parameters, options);
  for (int k = 0; k < kUpdates; ++k) {
    const float factor = static_cast<float>(1 + k % 3);
    std::transform(gradients.begin(), gradients.end(), gradient.data_ptr<float>(), [=](float g) { return g * factor; });
    optimizer->step(parameters, gradient, make_control(k < kUpdates / 2 ? 0.01 : 0.001, 0.125));
  }
  double error = 0, largest = 0;
  for (size_t i = 0; i < theirs.size(); ++i) {
    error = std::max(error, std::abs(double{parameters.const_data_ptr<float>()[i]} - theirs[i]));
    largest = std::max(largest, std::abs(double{theirs[i]}));
  }
  EXPECT_LE(error / largest, 3e-6) << "of the largest weight";
}

TEST(MxnetOptimizer, SgdWithMomentum) {
  expect_weights_of_mxnet("sgd", {.momentum = 0.9, .weight_decay = 0.01}, "momentum=0.9 wd=0.01");
}
TEST(MxnetOptimizer, SgdWithoutMomentum) {
  expect_weights_of_mxnet("sgd", {.momentum = 0, .weight_decay = 0.01}, "momentum=0 wd=0.01");
}
TEST(MxnetOptimizer, Adam) { expect_weights_of_mxnet("adam", {}, "beta1=0.9 beta2=0.999 epsilon=1e-8 wd=0"); }
TEST(MxnetOptimizer, AdamThatDecays) {
  expect_weights_of_mxnet("adam", {.weight_decay = 0.01, .decay_all = true},
                          "beta1=0.9 beta2=0.999 epsilon=1e-8 wd=0.01");
}
TEST(MxnetOptimizer, RmsProp) { expect_weights_of_mxnet("rmsprop", {.gamma = 0.9}, "gamma1=0.9 epsilon=1e-8 wd=0"); }
TEST(MxnetOptimizer, RmsPropThatDecays) {
  expect_weights_of_mxnet("rmsprop", {.weight_decay = 0.01, .gamma = 0.9, .decay_all = true},
                          "gamma1=0.9 epsilon=1e-8 wd=0.01");
}

}  // namespace
}  // namespace lockstep::optim

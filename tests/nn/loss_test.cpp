#include "lockstep/nn/loss.h"

#include <cmath>
#include <functional>
#include <limits>

#include <ATen/core/Reduction.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using Loss = std::function<double(const at::Tensor& logits, at::Tensor& gradient)>;

/// Every element of the gradient against the slope of the loss itself, found by moving one logit.
void expect_gradient_is_the_slope(const Loss& loss, const at::Tensor& logits, double nominal) {
  at::Tensor gradient, ignored;
  loss(logits, gradient);
  ASSERT_EQ(gradient.sizes(), logits.sizes());
  constexpr float kStep = 1e-2f;
  for (int64_t i = 0; i < logits.numel(); ++i) {
    at::Tensor higher = logits.clone(), lower = logits.clone();
    higher.data_ptr<float>()[i] += kStep;
    lower.data_ptr<float>()[i] -= kStep;
    const double distance = double{higher.data_ptr<float>()[i]} - lower.data_ptr<float>()[i];
    const double slope = (loss(higher, ignored) - loss(lower, ignored)) / distance / nominal;
    EXPECT_NEAR(gradient.data_ptr<float>()[i], slope, 1e-5);
  }
}

TEST(SoftmaxLoss, IsTheSumOfNegativeLogarithms) {
  const at::Tensor logits = at::zeros({3, 4});  // every class has probability 1/4
  at::Tensor gradient;
  EXPECT_NEAR(softmax_loss(logits, test::counting_labels(3, 4), {.nominal = 3}, gradient).item<double>(),
              3 * std::log(4.0), 1e-12);
}

TEST(SoftmaxLoss, GradientIsProbabilityMinusOneHotOverNominal) {
  at::Tensor gradient;
  softmax_loss(at::zeros({2, 4}), test::counting_labels(2, 4), {.nominal = 8}, gradient).item<double>();
  EXPECT_FLOAT_EQ(gradient[1][1].item<float>(), (0.25f - 1) / 8);
  EXPECT_FLOAT_EQ(gradient[1][2].item<float>(), 0.25f / 8);
}

TEST(SoftmaxLoss, GradientIsTheSlope) {
  const at::Tensor labels = test::counting_labels(5, 3);
  const Loss loss = [&](const at::Tensor& logits, at::Tensor& gradient) {
    return softmax_loss(logits, labels, {.nominal = 7}, gradient).item<double>();
  };
  expect_gradient_is_the_slope(loss, test::random_tensor({5, 3}, 1, 2), 7);
}

TEST(SoftmaxLoss, StandsLargeLogits) {
  at::Tensor gradient, logits = at::zeros({1, 2});
  logits.data_ptr<float>()[1] = 1e4f;
  EXPECT_DOUBLE_EQ(softmax_loss(logits, test::counting_labels(1, 2), {.nominal = 1}, gradient).item<double>(), 1e4);
  EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(SoftmaxLoss, IsNotFiniteWhereALogitIsNot) {
  at::Tensor gradient, logits = at::zeros({2, 3});
  logits.data_ptr<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(
      std::isfinite(softmax_loss(logits, test::counting_labels(2, 3), {.nominal = 2}, gradient).item<double>()));
}

TEST(SoftmaxLoss, NamesALabelOutOfRange) {
  at::Tensor gradient, labels = test::counting_labels(2, 4);
  labels.data_ptr<int64_t>()[1] = 4;
  const std::string message = test::expect_error(
      ErrorKind::kData, [&] { softmax_loss(at::zeros({2, 4}), labels, {.nominal = 2}, gradient).item<double>(); });
  test::expect_contains(message, "label 4 is not within 0..3");
}

TEST(SigmoidLoss, IsTheSumOfTheMeansOverLabels) {
  at::Tensor gradient;
  const at::Tensor labels = test::random_tensor({3, 4}, 1).ge(0).to(at::kFloat);
  EXPECT_NEAR(sigmoid_loss(at::zeros({3, 4}), labels, {.nominal = 3}, gradient).item<double>(), 3 * std::log(2.0),
              1e-12);
}

TEST(SigmoidLoss, GradientIsTheSlope) {
  const at::Tensor labels = test::random_tensor({5, 3}, 1).ge(0).to(at::kFloat),
                   logits = test::random_tensor({5, 3}, 2, 2);
  const auto with = [&](const std::vector<double>& positive, const std::vector<double>& negative) {
    return [=](const at::Tensor& z, at::Tensor& gradient) {
      return sigmoid_loss(z, labels, {.nominal = 7, .weights = {positive, negative}}, gradient).item<double>();
    };
  };
  expect_gradient_is_the_slope(with({}, {}), logits, 7);
  expect_gradient_is_the_slope(with({3, 1, 2}, {0.5, 1, 0.7}), logits, 7);
}

TEST(SigmoidLoss, WeighsPositiveAndNegativeLabels) {
  at::Tensor gradient, labels = at::zeros({1, 2});
  labels.data_ptr<float>()[0] = 1;
  sigmoid_loss(at::zeros({1, 2}), labels, {.weights = {{3, 9}, {9, 5}}}, gradient);
  EXPECT_FLOAT_EQ(gradient[0][0].item<float>(), 3 * (0.5f - 1) / 2);
  EXPECT_FLOAT_EQ(gradient[0][1].item<float>(), 5 * 0.5f / 2);
}

TEST(SigmoidLoss, StandsLargeLogits) {
  at::Tensor gradient, logits = at::zeros({1, 2});
  logits.data_ptr<float>()[0] = 1e4f;
  logits.data_ptr<float>()[1] = -1e4f;
  EXPECT_DOUBLE_EQ(sigmoid_loss(logits, at::zeros({1, 2}), {}, gradient).item<double>(), 1e4 / 2);
  EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(LabelWeights, BalanceBothSidesOfEveryLabel) {
  const LabelWeights weights = label_weights({25, 50, 0, 100}, 100);
  EXPECT_EQ(weights.positive, (std::vector<double>{2, 1, 1, 1}));
  EXPECT_EQ(weights.negative, (std::vector<double>{100.0 / 150, 1, 1, 1}));
}

TEST(SoftmaxLoss, OfSmoothedLabelsIsTorchs) {
  const at::Tensor logits = test::random_tensor({7, 5}, 1, 2), labels = test::counting_labels(7, 5);
  at::Tensor gradient;
  const LossOptions options{.nominal = 7, .label_smoothing = 0.1};
  const double expected = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum, -100, 0.1).item<double>();
  EXPECT_NEAR(softmax_loss(logits, labels, options, gradient).item<double>(), expected, 1e-5);
  const Loss loss = [&](const at::Tensor& z, at::Tensor& slope) {
    return softmax_loss(z, labels, options, slope).item<double>();
  };
  expect_gradient_is_the_slope(loss, logits, 7);
}

at::Tensor tensor_of(const std::vector<double>& values) {
  return at::from_blob(const_cast<double*>(values.data()), {static_cast<int64_t>(values.size())}, at::kDouble)
      .to(at::kFloat);
}

TEST(SoftmaxLoss, OfWeightedClassesIsTorchs) {
  const at::Tensor logits = test::random_tensor({7, 5}, 1, 2), labels = test::counting_labels(7, 5);
  const std::vector<double> weights{2, 0.5, 0, 3, 1};
  for (const double smoothing : {0.0, 0.1}) {
    const LossOptions options{.nominal = 9, .label_smoothing = smoothing, .class_weights = weights};
    at::Tensor gradient;
    const at::Tensor each =
        at::cross_entropy_loss(logits, labels, tensor_of(weights), at::Reduction::None, -100, smoothing);
    EXPECT_NEAR(softmax_loss(logits, labels, options, gradient).item<double>(), each.sum().item<double>(), 1e-5);
    const Loss loss = [&](const at::Tensor& z, at::Tensor& slope) {
      return softmax_loss(z, labels, options, slope).item<double>();
    };
    expect_gradient_is_the_slope(loss, logits, 9);
  }
}

TEST(SoftmaxLoss, OfEqualWeightsIsThatWithout) {
  const at::Tensor logits = test::random_tensor({7, 5}, 1, 2), labels = test::counting_labels(7, 5);
  at::Tensor with, without;
  const double plain = softmax_loss(logits, labels, {.label_smoothing = 0.1}, without).item<double>();
  const LossOptions ones{.label_smoothing = 0.1, .class_weights = std::vector<double>(5, 1)};
  EXPECT_NEAR(softmax_loss(logits, labels, ones, with).item<double>(), plain, 1e-12 * plain);
  EXPECT_LE(test::relative_error(with, without), 1e-6);
}

TEST(SigmoidLoss, OfWeightedClassesIsTorchs) {
  const at::Tensor labels = test::random_tensor({5, 3}, 1).ge(0).to(at::kFloat),
                   logits = test::random_tensor({5, 3}, 2, 2);
  const std::vector<double> weights{2, 0, 0.5};
  LossOptions options{.nominal = 7, .class_weights = weights};
  at::Tensor gradient;
  const at::Tensor each =
      at::binary_cross_entropy_with_logits(logits, labels, tensor_of(weights), {}, at::Reduction::None);
  EXPECT_NEAR(sigmoid_loss(logits, labels, options, gradient).item<double>(), each.sum().item<double>() / 3, 1e-5);
  options.weights = {{3, 1, 2}, {0.5, 1, 0.7}};
  const Loss loss = [&](const at::Tensor& z, at::Tensor& slope) {
    return sigmoid_loss(z, labels, options, slope).item<double>();
  };
  expect_gradient_is_the_slope(loss, logits, 7);
}

TEST(Losses, AreTheSameByTensors) {
  const at::Tensor logits = test::random_tensor({33, 300}, 1, 3), classes = test::counting_labels(33, 300);
  const at::Tensor hot = test::random_tensor({33, 300}, 2).ge(0).to(at::kFloat);
  std::vector<double> weights;
  for (int k = 0; k < 300; ++k) weights.push_back(k % 7 * 0.3);
  at::Tensor ours, theirs;
  LossOptions options{
      .nominal = 40, .label_smoothing = 0.2, .weights = {std::vector<double>(300, 3), std::vector<double>(300, 0.6)}};
  for (const auto& class_weights : {std::vector<double>(), weights}) {
    options.class_weights = class_weights;
    const double softmax = softmax_loss(logits, classes, options, ours).item<double>();
    EXPECT_NEAR(softmax_loss_by_tensors(logits, classes, options, theirs).item<double>(), softmax, 1e-6 * softmax);
    EXPECT_LE(test::relative_error(theirs, ours), 1e-6);
    const double sigmoid = sigmoid_loss(logits, hot, options, ours).item<double>();
    EXPECT_NEAR(sigmoid_loss_by_tensors(logits, hot, options, theirs).item<double>(), sigmoid, 1e-6 * sigmoid);
    EXPECT_LE(test::relative_error(theirs, ours), 1e-6);
  }
}

TEST(Losses, TakeWeightsThatWerePlacedBefore) {
  const at::Tensor logits = test::random_tensor({5, 4}, 1, 3), classes = test::counting_labels(5, 4);
  const at::Tensor hot = test::random_tensor({5, 4}, 2).ge(0).to(at::kFloat);
  const LossOptions sent{.nominal = 9, .weights = {{1, 2, 3, 4}, {4, 3, 2, 1}}, .class_weights = {1, 0.5, 2, 3}};
  LossOptions placed = sent;
  place_weights(placed, at::kCPU);
  EXPECT_TRUE(placed.placed_classes.defined() && placed.placed_positive.defined() && placed.placed_negative.defined());
  placed.class_weights = placed.weights.positive = placed.weights.negative = {9, 9, 9, 9};  // looked at no more
  at::Tensor ours, theirs;
  EXPECT_EQ(softmax_loss_by_tensors(logits, classes, placed, ours).item<double>(),
            softmax_loss_by_tensors(logits, classes, sent, theirs).item<double>());
  EXPECT_TRUE(ours.equal(theirs));
  EXPECT_EQ(sigmoid_loss_by_tensors(logits, hot, placed, ours).item<double>(),
            sigmoid_loss_by_tensors(logits, hot, sent, theirs).item<double>());
  EXPECT_TRUE(ours.equal(theirs));
}

}  // namespace
}  // namespace lockstep::nn

#include "weight_gradient.h"

#include <array>
#include <cstring>
#include <limits>

#include <ATen/Parallel.h>
#include <ATen/ops/convolution_backward.h>
#include <gtest/gtest.h>

#include "operators.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

at::Tensor numbers(const model::Shape& shape, uint64_t seed, at::ScalarType type = at::kBFloat16) {
  return test::random_tensor(shape, seed).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

struct Steps {
  std::array<int64_t, 2> stride, pad;  // down, across
};
struct Example {
  int64_t batch, height, width, inputs, outputs;
  Steps steps = {.stride = {1, 1}, .pad = {1, 1}};
  at::ScalarType type = at::kBFloat16;
  at::Tensor x() const { return numbers({batch, inputs, height, width}, 1, type); }
  at::Tensor weight() const { return numbers({outputs, inputs, 3, 3}, 2, type); }
  at::Tensor gradient() const {
    const auto side = [&](int64_t size, size_t axis) {
      return (size + 2 * steps.pad[axis] - 3) / steps.stride[axis] + 1;
    };
    return numbers({batch, outputs, side(height, 0), side(width, 1)}, 3, type);
  }
  at::Tensor expected() const {
    const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
    return std::get<1>(at::convolution_backward(wide(gradient()), wide(x()), wide(weight()), at::OptionalIntArrayRef(),
                                                steps.stride, steps.pad, {1, 1}, false, {0, 0}, 1,
                                                {false, true, false}));
  }
};
// Even and odd sides, one pixel, borders of none and of more than the kernel, strides that leave pixels out, more lines
// than a block, so many that they are summed in groups; at the end sums too large for groups.
const Example kExamples[] = {
    {2, 8, 8, 16, 16},
    {3, 7, 9, 48, 32},
    {1, 1, 1, 16, 16},
    {2, 5, 6, 16, 32, {.stride = {1, 1}, .pad = {0, 0}}},
    {2, 3, 4, 32, 16, {.stride = {1, 2}, .pad = {4, 3}}},
    {3, 8, 8, 32, 16, {.stride = {2, 2}, .pad = {1, 1}}},
    {2, 13, 11, 16, 48, {.stride = {2, 2}, .pad = {1, 1}}},
    {2, 17, 15, 16, 16, {.stride = {5, 4}, .pad = {2, 0}}},
    {9, 32, 32, 16, 16},
    {40, 14, 14, 32, 32, {.stride = {2, 1}, .pad = {1, 1}}},
    {3, 7, 7, 256, 272},
};

class WeightGradient : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    const Example e = examples().front();
    if (!suits_weight_gradient(e.x(), e.weight())) GTEST_SKIP() << "this processor has not the instructions";
  }
  static std::vector<Example> examples() {
    std::vector<Example> all(std::begin(kExamples), std::end(kExamples));
    for (Example& one : all) one.type = GetParam();
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(Types, WeightGradient, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

// Products of bfloat16 are exact in float32, and those of float32 are not rounded before they are added.
TEST_P(WeightGradient, IsThatOfTheConvolution) {
  for (const Example& e : examples()) {
    ASSERT_TRUE(suits_weight_gradient(e.x(), e.weight()));
    const at::Tensor found = weight_gradient(e.x(), e.gradient(), e.steps.stride, e.steps.pad), expected = e.expected();
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
    const double error = found.to(at::kDouble).sub(expected).abs().max().item<double>();
    EXPECT_LE(error, 1e-6 * expected.abs().max().item<double>()) << e.height << " x " << e.width;
  }
}

TEST_P(WeightGradient, HasTheSameBitsOnEveryNumberOfThreads) {
  const int before = at::get_num_threads();
  for (const Example& e : examples()) {
    const auto on = [&](int threads) {
      at::set_num_threads(threads);
      return weight_gradient(e.x(), e.gradient(), e.steps.stride, e.steps.pad);
    };
    const at::Tensor one = on(1);
    for (const int threads : {2, 3, 100}) {
      const at::Tensor more = on(threads);
      EXPECT_EQ(std::memcmp(one.const_data_ptr(), more.const_data_ptr(), one.nbytes()), 0)
          << e.height << " x " << e.width << " on " << threads;
    }
  }
  at::set_num_threads(before);
}

// What lies beyond a picture is zero, whatever lies there in memory: the next picture, or the end of an odd line.
TEST_P(WeightGradient, DoesNotReadAcrossBorders) {
  const Example e{.batch = 3, .height = 5, .width = 7, .inputs = 16, .outputs = 16, .type = GetParam()};
  const at::Tensor x = e.x(), gradient = e.gradient();
  const at::Tensor alone = weight_gradient(x.slice(0, 1, 2), gradient.slice(0, 1, 2), e.steps.stride, e.steps.pad);
  for (const int64_t picture : {0, 2}) {
    x.select(0, picture).fill_(std::numeric_limits<float>::infinity());
    gradient.select(0, picture).zero_();
  }
  const at::Tensor among = weight_gradient(x.slice(0, 1, 2), gradient.slice(0, 1, 2), e.steps.stride, e.steps.pad);
  EXPECT_EQ(std::memcmp(alone.const_data_ptr(), among.const_data_ptr(), alone.nbytes()), 0);
}

TEST(WeightGradients, LeaveOtherConvolutionsToOthers) {
  const auto suits = [](const model::Shape& x, const model::Shape& weight) {
    return suits_weight_gradient(numbers(x, 1), numbers(weight, 2));
  };
  EXPECT_FALSE(suits({2, 32, 8, 8}, {32, 32, 1, 1}));
  EXPECT_FALSE(suits({2, 32, 8, 8}, {32, 32, 3, 5}));
  EXPECT_FALSE(suits({2, 32, 8, 8}, {32, 16, 3, 3})) << "two groups";
  EXPECT_FALSE(suits({2, 40, 8, 8}, {32, 40, 3, 3})) << "40 is no multiple of 16";
  EXPECT_FALSE(suits({2, 16, 8, 8}, {24, 16, 3, 3}));
  EXPECT_FALSE(suits_weight_gradient(numbers({2, 32, 8, 8}, 1, at::kFloat), numbers({32, 32, 3, 3}, 2)));
  EXPECT_FALSE(suits_weight_gradient(numbers({2, 32, 8, 8}, 1, at::kDouble), numbers({32, 32, 3, 3}, 2, at::kDouble)));
  EXPECT_FALSE(suits_weight_gradient(numbers({2, 32, 8, 8}, 1).contiguous(), numbers({32, 32, 3, 3}, 2)));
}

/// The operator's gradient, by way of forward; 16 outputs.
at::Tensor by_operator(const at::Tensor& x, const at::Tensor& weight, const model::Attributes& more) {
  model::Attributes attributes = {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"num_filter", "16"}, {"no_bias", "True"}};
  for (const auto& [name, value] : more) attributes[name] = value;
  const model::Node node{.op = "Convolution", .name = "c", .attributes = attributes};
  const at::Tensor place = weight.to(at::kFloat).clone();
  NodeRun run{.node = &node,
              .mode = Mode::kTrain,
              .inputs = {x},
              .parameters = {weight.to(at::kFloat)},
              .working = {weight},
              .parameter_gradients = {place},
              .trainable = {true},
              .wants_gradient = {false}};
  const at::Tensor output = kernel_of(node).forward(run);
  EXPECT_FALSE(kernel_of(node).backward(run, numbers(output.sizes().vec(), 3, x.scalar_type())).at(0).defined());
  return place;
}

// The operator's gradient is not rounded to bfloat16 where ours is taken, and is right in either case.
TEST(WeightGradients, AreTakenByTheOperator) {
  struct Case {
    model::Attributes more;
    int64_t kernel, stride, pad, dilation;
  };
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const Case& c : {Case{{}, 3, 1, 1, 1}, Case{{{"stride", "(2, 2)"}}, 3, 2, 1, 1},
                          Case{{{"pad", "(2, 2)"}, {"dilate", "(2, 2)"}}, 3, 1, 2, 2},
                          Case{{{"kernel", "(1, 1)"}, {"pad", "(0, 0)"}}, 1, 1, 0, 1}}) {
      const at::Tensor x = numbers({2, 16, 8, 8}, 1, type), weight = numbers({16, 16, c.kernel, c.kernel}, 2, type);
      const at::Tensor found = by_operator(x, weight, c.more);
      const at::Tensor gradient = numbers({2, 16, 8 / c.stride, 8 / c.stride}, 3, type).to(at::kDouble);
      const at::Tensor expected = std::get<1>(at::convolution_backward(
          gradient, x.to(at::kDouble), weight.to(at::kDouble), at::OptionalIntArrayRef(), {c.stride, c.stride},
          {c.pad, c.pad}, {c.dilation, c.dilation}, false, {0, 0}, 1, {false, true, false}));
      const double error =
          found.to(at::kDouble).sub(expected).abs().max().item<double>() / expected.abs().max().item<double>();
      const bool ours = suits_weight_gradient(x, weight) && c.dilation == 1;
      EXPECT_LT(error, ours || type == at::kFloat ? 1e-6 : 4e-3) << c.kernel << " " << c.stride << " " << c.dilation;
    }
}

// In float32 the values do not tell who computed them, but the bits do.
TEST(WeightGradients, AreTakenInFloat32WhereTheStrideIsMoreAndChannelsAreMany) {
  const at::Tensor gradient = numbers({2, 16, 4, 4}, 3, at::kFloat);
  const auto strided = [](const at::Tensor& x, const at::Tensor& weight) {
    return by_operator(x, weight, {{"stride", "(2, 2)"}});
  };
  const at::Tensor x = numbers({2, 32, 8, 8}, 1, at::kFloat), weight = numbers({16, 32, 3, 3}, 2, at::kFloat);
  const at::Tensor few = x.slice(1, 0, 16).contiguous(at::MemoryFormat::ChannelsLast),
                   few_weights = weight.slice(1, 0, 16).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor theirs =
      std::get<1>(at::convolution_backward(gradient, few, few_weights, at::OptionalIntArrayRef(), {2, 2}, {1, 1},
                                           {1, 1}, false, {0, 0}, 1, {false, true, false}));
  EXPECT_TRUE(strided(few, few_weights).equal(theirs));
  if (!suits_weight_gradient(x, weight)) GTEST_SKIP() << "this processor has not the instructions";
  EXPECT_TRUE(strided(x, weight).equal(weight_gradient(x, gradient, {2, 2}, {1, 1})));
}

}  // namespace
}  // namespace lockstep::nn

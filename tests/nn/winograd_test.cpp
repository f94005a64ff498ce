#include "winograd.h"

#include <cstring>

#include <ATen/Parallel.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <gtest/gtest.h>

#include "operators.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

at::Tensor channels_last(const model::Shape& shape, uint64_t seed) {
  return test::random_tensor(shape, seed).contiguous(at::MemoryFormat::ChannelsLast);
}

struct Example {
  int64_t batch, height, width, inputs, outputs;
  at::Tensor x() const { return channels_last({batch, inputs, height, width}, 1); }
  at::Tensor weight() const { return channels_last({outputs, inputs, 3, 3}, 2); }
  at::Tensor gradient() const { return channels_last({batch, outputs, height, width}, 3); }
};
// Even and odd sides, a short last panel of columns on either side, more tiles than pass at a time, and fewer; at the
// end so many that their sums are taken in groups.
const std::vector<Example> kExamples = {{2, 8, 8, 32, 32},  {3, 7, 9, 48, 32},    {1, 13, 8, 32, 80},
                                        {5, 8, 8, 64, 48},  {2, 14, 14, 96, 112}, {1, 6, 7, 112, 32},
                                        {4, 9, 10, 16, 16}, {1, 8, 13, 16, 48},   {3, 8, 8, 48, 16}};

/// Largest error over largest value, against float64.
double error(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
  return found.to(at::kDouble).sub(expected).abs().max().item<double>() / expected.abs().max().item<double>();
}

/// Skips where the processor cannot: each test calls it first.
#define SKIP_WITHOUT_AVX512() \
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this processor has no AVX-512"

TEST(Winograd, ForwardIsTheConvolution) {
  SKIP_WITHOUT_AVX512();
  for (const Example& e : kExamples) {
    ASSERT_TRUE(suits_winograd(e.x(), e.weight()));
    const at::Tensor expected = at::convolution(e.x().to(at::kDouble), e.weight().to(at::kDouble), {}, {1, 1}, {1, 1},
                                                {1, 1}, false, {0, 0}, 1);
    EXPECT_LT(error(winograd_forward(e.x(), e.weight()), expected), 1e-6) << e.height << " x " << e.width;
  }
}

TEST(Winograd, GradientsAreThoseOfTheConvolution) {
  SKIP_WITHOUT_AVX512();
  for (const Example& e : kExamples) {
    const auto [input, weight, bias] = at::convolution_backward(
        e.gradient().to(at::kDouble), e.x().to(at::kDouble), e.weight().to(at::kDouble), at::OptionalIntArrayRef(),
        {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1, {true, true, false});
    EXPECT_LT(error(winograd_input_gradient(e.gradient(), e.weight()), input), 1e-6) << e.height << " x " << e.width;
    EXPECT_LT(error(winograd_weight_gradient(e.x(), e.gradient()), weight), 1e-6) << e.height << " x " << e.width;
  }
}

TEST(Winograd, HasTheSameBitsOnEveryNumberOfThreads) {
  SKIP_WITHOUT_AVX512();
  const int before = at::get_num_threads();
  for (const Example& e : {kExamples[4], kExamples.back()}) {
    const auto results = [&](int threads) {
      at::set_num_threads(threads);
      return std::vector{winograd_forward(e.x(), e.weight()), winograd_input_gradient(e.gradient(), e.weight()),
                         winograd_weight_gradient(e.x(), e.gradient())};
    };
    const auto one = results(1);
    for (const int threads : {2, 3, 5}) {
      const auto more = results(threads);
      for (size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(std::memcmp(one[i].const_data_ptr(), more[i].const_data_ptr(), one[i].nbytes()), 0)
            << i << " on " << threads << ", " << e.inputs << " channels";
    }
  }
  at::set_num_threads(before);
}

TEST(Winograd, LeavesOtherConvolutionsToOthers) {
  const auto suits = [](const model::Shape& x, const model::Shape& weight) {
    return suits_winograd(channels_last(x, 1), channels_last(weight, 2));
  };
  EXPECT_FALSE(suits({2, 32, 8, 8}, {32, 32, 1, 1}));
  EXPECT_FALSE(suits({2, 40, 8, 8}, {32, 40, 3, 3})) << "40 is no multiple of 16";
  EXPECT_FALSE(suits({2, 3, 8, 8}, {16, 3, 3, 3}));
  EXPECT_FALSE(suits({2, 32, 3, 3}, {32, 32, 3, 3})) << "mostly border";
  EXPECT_FALSE(suits_winograd(channels_last({2, 32, 8, 8}, 1).to(at::kBFloat16), channels_last({32, 32, 3, 3}, 2)));
  EXPECT_FALSE(suits_winograd(channels_last({2, 32, 8, 8}, 1).contiguous(), channels_last({32, 32, 3, 3}, 2)));
}

// Strides, wide borders, biases and groups look the same to suits_winograd().
TEST(Winograd, IsTakenByTheOperatorWhereItIsTheSame) {
  const at::Tensor x = channels_last({2, 32, 8, 8}, 1), weight = channels_last({32, 32, 3, 3}, 2);
  const auto outcome = [&](model::Attributes more, Mode mode) {
    model::Attributes attributes = {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"num_filter", "32"}, {"no_bias", "True"}};
    for (const auto& [name, value] : more) attributes[name] = value;
    const model::Node node{.op = "Convolution", .name = "c", .attributes = attributes};
    NodeRun run{.node = &node, .mode = mode, .inputs = {x}, .parameters = {weight}, .working = {weight}};
    return kernel_of(node).forward(run);
  };
  const auto bits = [](const at::Tensor& a, const at::Tensor& b) {
    return a.sizes() == b.sizes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
  };
  const auto plain = [&](int64_t stride, int64_t pad, int64_t dilation) {
    return at::convolution(x, weight, {}, {stride, stride}, {pad, pad}, {dilation, dilation}, false, {0, 0}, 1);
  };
  if (suits_winograd(x, weight)) {
    EXPECT_TRUE(bits(outcome({}, Mode::kTrain), winograd_forward(x, weight)));
  }
  EXPECT_TRUE(bits(outcome({}, Mode::kEvaluate), plain(1, 1, 1)));
  EXPECT_TRUE(bits(outcome({{"stride", "(2, 2)"}}, Mode::kTrain), plain(2, 1, 1)));
  EXPECT_TRUE(bits(outcome({{"pad", "(2, 2)"}}, Mode::kTrain), plain(1, 2, 1)));
  EXPECT_TRUE(bits(outcome({{"pad", "(2, 2)"}, {"dilate", "(2, 2)"}}, Mode::kTrain), plain(1, 2, 2)));
}

}  // namespace
}  // namespace lockstep::nn

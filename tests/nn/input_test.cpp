#include "lockstep/nn/input.h"

#include <cmath>

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

std::vector<uint8_t> counting_pixels(size_t n) {
  std::vector<uint8_t> pixels(n);
  for (size_t i = 0; i < n; ++i) pixels[i] = static_cast<uint8_t>(i * 7);
  return pixels;
}

TEST(ToInput, KeepsThePixelsInChannelsLastMemory) {
  std::vector<uint8_t> pixels = counting_pixels(2 * 4 * 5 * 3);
  const std::vector<uint8_t> original = pixels;
  const at::Tensor input = to_input(pixels, 2, 4, 5, 3);
  pixels.assign(pixels.size(), 0);
  EXPECT_EQ(input.sizes(), at::IntArrayRef({2, 3, 4, 5}));
  EXPECT_EQ(input.scalar_type(), at::kFloat);
  EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(input[1][2][3][4].item<float>(), original[((1 * 4 + 3) * 5 + 4) * 3 + 2]);
  EXPECT_EQ(input[0][1][2][0].item<float>(), original[(2 * 5 + 0) * 3 + 1]);
}

TEST(ToInput, SubtractsTheMeanAndDividesByTheDeviation) {
  const std::vector<uint8_t> pixels{10, 20, 30, 40, 50, 60};
  const at::Tensor both = to_input(pixels, 1, 1, 2, 3, {1, 2, 3}, {2, 4, 5});
  EXPECT_FLOAT_EQ(both[0][2][0][1].item<float>(), (60 - 3) / 5.0f);
  EXPECT_FLOAT_EQ(to_input(pixels, 1, 1, 2, 3, {1, 2, 3})[0][1][0][0].item<float>(), 18);
  EXPECT_FLOAT_EQ(to_input(pixels, 1, 1, 2, 3, {}, {2, 4, 5})[0][0][0][1].item<float>(), 20);
}

TEST(ToInput, EqualsItselfOverManyThreadsWorthOfPixels) {
  const std::vector<uint8_t> pixels = counting_pixels(3 * 224 * 224 * 3);
  const at::Tensor input = to_input(pixels, 3, 224, 224, 3, {100, 110, 120}, {50, 60, 70});
  const float* values = input.const_data_ptr<float>();
  for (size_t i = 0; i < pixels.size(); i += 1009)
    ASSERT_NEAR(values[i],
                (pixels[i] - (100.0 + 10.0 * static_cast<double>(i % 3))) / (50.0 + 10.0 * static_cast<double>(i % 3)),
                1e-6);
}

TEST(ToInput, IsTheSameOfPixelsOnADevice) {
  std::vector<uint8_t> pixels = counting_pixels(2 * 4 * 5 * 3);
  const at::Tensor there = at::from_blob(pixels.data(), {2, 4, 5, 3}, at::kByte);
  for (const std::vector<double>& mean : {std::vector<double>(), {100, 110, 120}})
    for (const std::vector<double>& std : {std::vector<double>(), {50, 60, 70}}) {
      const at::Tensor input = to_input(there, channel_values(mean, at::kCPU), channel_values(std, at::kCPU));
      EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_TRUE(input.allclose(to_input(pixels, 2, 4, 5, 3, mean, std)));
    }
}

TEST(ToInput, RefusesMeansThatAreNotOneAChannel) {
  const std::vector<uint8_t> pixels(12);
  const std::string message = test::expect_error(ErrorKind::kData, [&] { to_input(pixels, 1, 2, 2, 3, {1.0}); });
  test::expect_contains(message, "one a channel");
}

TEST(Probabilities, AddUpToOneForOneLabel) {
  const at::Tensor values = probabilities(test::random_tensor({4, 5}, 1), false);
  for (int64_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i].sum().item<double>(), 1, 1e-6);
}

TEST(Probabilities, AreOneSigmoidEachForSeveralLabels) {
  const at::Tensor logits = test::random_tensor({2, 3}, 1), values = probabilities(logits, true);
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_NEAR(values.const_data_ptr<float>()[i], 1 / (1 + std::exp(-logits.const_data_ptr<float>()[i])), 1e-6);
}

}  // namespace
}  // namespace lockstep::nn

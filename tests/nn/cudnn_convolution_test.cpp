#include "cudnn_convolution.h"

#include <gtest/gtest.h>

#ifndef LOCKSTEP_CUDA

TEST(CudnnConvolutionOnAGpu, NeedsOne) { GTEST_SKIP() << "no GPU: this program was built without CUDA"; }

#else

#include <functional>
#include <thread>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros_like.h>
#include <c10/cuda/CUDAFunctions.h>

#include "plan_cache.h"
#include "support/temp_folder.h"
#include "support/variable.h"

namespace lockstep::nn {
namespace {

/// Convolutions of ResNet-50 and ResNet-20, of MobileNet, ResNeXt and of dilated networks, with few images.
struct Shape {
  const char* name;
  int64_t images, channels, size, outputs, kernel;
  ConvolutionGeometry geometry;
  int64_t groups = 1;
};
const Shape kShapes[] = {
    {"stem", 16, 3, 224, 64, 7, {{2, 2}, {3, 3}, {1, 1}}},
    {"pointwise", 16, 64, 56, 256, 1, {{1, 1}, {0, 0}, {1, 1}}},
    {"three", 16, 64, 56, 64, 3, {{1, 1}, {1, 1}, {1, 1}}},
    {"downsample", 16, 256, 56, 512, 1, {{2, 2}, {0, 0}, {1, 1}}},
    {"last", 16, 512, 7, 512, 3, {{1, 1}, {1, 1}, {1, 1}}},
    {"cifar_stem", 128, 3, 32, 16, 3, {{1, 1}, {1, 1}, {1, 1}}},
    {"cifar", 128, 32, 16, 64, 3, {{2, 2}, {1, 1}, {1, 1}}},
    {"depthwise", 16, 96, 56, 96, 3, {{2, 2}, {1, 1}, {1, 1}}, 96},
    {"grouped", 16, 128, 56, 128, 3, {{1, 1}, {1, 1}, {1, 1}}, 32},
    {"dilated", 16, 64, 28, 64, 3, {{1, 1}, {2, 2}, {2, 2}}},
    {"uneven", 7, 24, 17, 40, 3, {{2, 1}, {0, 1}, {1, 1}}},
};

class CudnnConvolutionOnAGpu : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    if (c10::cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  }
  test::TempFolder folder_;
  test::Variable cache_{"LOCKSTEP_CACHE", folder_.path().c_str()};
};

at::Tensor random_tensor(at::IntArrayRef sizes, at::ScalarType type) {
  return at::randn(sizes, at::TensorOptions(at::kCUDA).dtype(type)).contiguous(at::MemoryFormat::ChannelsLast);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  const auto norm = [](const at::Tensor& t) {
    return at::linalg_vector_norm(t, 2, std::nullopt, false, at::kFloat).item<double>();
  };
  return norm(at::sub(a, b)) / norm(b);
}

void expect_like_libtorch(const Shape& shape, at::ScalarType type) {
  SCOPED_TRACE(shape.name);
  const auto& g = shape.geometry;
  const at::Tensor input = random_tensor({shape.images, shape.channels, shape.size, shape.size}, type);
  const at::Tensor weight =
      random_tensor({shape.outputs, shape.channels / shape.groups, shape.kernel, shape.kernel}, type);
  const at::Tensor expected =
      at::convolution(input, weight, std::nullopt, g.stride, g.pad, g.dilation, false, {0, 0}, shape.groups);
  const at::Tensor gradient = random_tensor(expected.sizes(), type);
  const auto [expected_input, expected_weight, none] =
      at::convolution_backward(gradient, input, weight, std::nullopt, g.stride, g.pad, g.dilation, false, {0, 0},
                               shape.groups, {true, true, false});

  const double tolerance = type == at::kBFloat16 ? 1e-2 : 2e-3;
  const at::Tensor output = cudnn_forward(input, weight, g);
  ASSERT_TRUE(output.defined());
  EXPECT_TRUE(output.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LE(difference(output, expected), tolerance);
  const at::Tensor input_gradient = cudnn_data_gradient(gradient, input, weight, g);
  ASSERT_TRUE(input_gradient.defined());
  EXPECT_LE(difference(input_gradient, expected_input), tolerance);
  const at::Tensor weight_gradient = at::zeros_like(weight);
  ASSERT_TRUE(cudnn_weight_gradient(gradient, input, weight_gradient, g));
  EXPECT_LE(difference(weight_gradient, expected_weight), tolerance);
}

/// A thread begins without plans, as a process does.
PlanCounts counts_of_a_thread(const std::function<void()>& action) {
  PlanCounts counts;
  std::thread([&] {
    action();
    store_convolution_plans();
    counts = count_convolution_plans();
  }).join();
  return counts;
}

TEST_P(CudnnConvolutionOnAGpu, ComputesWhatLibTorchDoesAndMeasuresOnceForAllLaterRuns) {
  const auto run_all = [&] {
    for (const Shape& shape : kShapes) expect_like_libtorch(shape, GetParam());
  };
  const PlanCounts first = counts_of_a_thread(run_all), next = counts_of_a_thread(run_all);
  EXPECT_EQ(first.stored, 0u);
  EXPECT_EQ(first.measured, 3 * std::size(kShapes));
  EXPECT_EQ(first.left, 0u);
  EXPECT_EQ(next.stored, 3 * std::size(kShapes));
  EXPECT_EQ(next.measured, 0u);
}

TEST_P(CudnnConvolutionOnAGpu, RepeatsBitForBitWhereLibTorchIsDeterministic) {
  at::globalContext().setDeterministicCuDNN(true);
  const Shape& shape = kShapes[2];
  const at::Tensor input = random_tensor({shape.images, shape.channels, shape.size, shape.size}, GetParam());
  const at::Tensor gradient = random_tensor({shape.images, shape.outputs, shape.size, shape.size}, GetParam());
  const auto compute = [&] {
    at::Tensor weight =
        at::randn({shape.outputs, shape.channels, 3, 3}, input.options()).contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_TRUE(cudnn_weight_gradient(gradient, input, weight, shape.geometry));
    return weight;
  };
  at::Tensor one, other;
  counts_of_a_thread([&] { one = compute(); });
  counts_of_a_thread([&] { other = compute(); });
  at::globalContext().setDeterministicCuDNN(false);
  EXPECT_TRUE(one.equal(other));
}

TEST_P(CudnnConvolutionOnAGpu, DoesNotMeasureWhereItMayNot) {
  const Shape& shape = kShapes[1];
  const at::Tensor input = random_tensor({shape.images, shape.channels, shape.size, shape.size}, GetParam());
  const at::Tensor weight = random_tensor({shape.outputs, shape.channels, 1, 1}, GetParam());
  const PlanCounts none =
      counts_of_a_thread([&] { EXPECT_FALSE(cudnn_forward(input, weight, shape.geometry, false).defined()); });
  EXPECT_EQ(none.measured + none.stored, 0u);
  counts_of_a_thread([&] { EXPECT_TRUE(cudnn_forward(input, weight, shape.geometry).defined()); });
  const PlanCounts stored =
      counts_of_a_thread([&] { EXPECT_TRUE(cudnn_forward(input, weight, shape.geometry, false).defined()); });
  EXPECT_EQ(stored.stored, 1u);
}

TEST_P(CudnnConvolutionOnAGpu, ComparesTheFirstResultThatSaysSomething) {
  const Shape& shape = kShapes[1];
  const at::Tensor input = random_tensor({shape.images, shape.channels, shape.size, shape.size}, GetParam());
  const at::Tensor weight = random_tensor({shape.outputs, shape.channels, 1, 1}, GetParam());
  counts_of_a_thread([&] {
    EXPECT_TRUE(cudnn_forward(at::zeros_like(input), weight, shape.geometry).defined());
    store_convolution_plans();
    EXPECT_EQ(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator());
    EXPECT_TRUE(cudnn_forward(input, weight, shape.geometry).defined());
    store_convolution_plans();
    EXPECT_NE(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator());
  });
}

TEST_P(CudnnConvolutionOnAGpu, LeavesOtherMemoryToLibTorch) {
  const at::Tensor input = random_tensor({4, 64, 14, 14}, GetParam()),
                   weight = random_tensor({64, 64, 1, 1}, GetParam());
  EXPECT_FALSE(cudnn_forward(input.contiguous(), weight, {}).defined());
  EXPECT_FALSE(cudnn_forward(input.to(at::kDouble), weight.to(at::kDouble), {}).defined());
  EXPECT_FALSE(cudnn_forward(input.cpu(), weight.cpu(), {}).defined());
}

std::string name_of(const testing::TestParamInfo<at::ScalarType>& info) { return c10::toString(info.param); }
INSTANTIATE_TEST_SUITE_P(, CudnnConvolutionOnAGpu, testing::Values(at::kFloat, at::kBFloat16, at::kHalf), name_of);

}  // namespace
}  // namespace lockstep::nn

#endif

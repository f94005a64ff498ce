#ifdef LOCKSTEP_CUDA

#include "cudnn_convolution.h"

#include <optional>
#include <unordered_map>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>

#include "convolution_planner.h"

namespace lockstep::nn {
namespace {

/// Planners live as long as their thread: plans are not made for several at once.
std::unordered_map<int, ConvolutionPlanner>& planners() {
  thread_local std::unordered_map<int, ConvolutionPlanner> planners;
  return planners;
}

std::optional<Number> number_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return at::globalContext().allowTF32CuDNN(at::Float32Op::CONV) ? Number::kTf32 : Number::kFloat32;
    case at::kBFloat16:
      return Number::kBfloat16;
    case at::kHalf:
      return Number::kFloat16;
    default:
      return std::nullopt;
  }
}

/// What the descriptors promise of a tensor's memory.
bool suits(const at::Tensor& tensor) {
  constexpr int64_t kLargest = (int64_t{1} << 31) - 1;
  return tensor.dim() == 4 && tensor.numel() > 0 && tensor.numel() <= kLargest && tensor.is_cuda() &&
         tensor.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 16 == 0;
}

std::array<int64_t, 4> sizes_of(const at::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3)};
}

std::optional<ConvolutionProblem> describe(ConvolutionPart part, const at::Tensor& input, const at::Tensor& weight,
                                           const at::Tensor& read, const ConvolutionGeometry& geometry) {
  const auto number = number_of(read.scalar_type());
  if (!number || !suits(read) || !suits(weight) || weight.scalar_type() != read.scalar_type()) return std::nullopt;
  const auto& context = at::globalContext();
  return ConvolutionProblem{.part = part,
                            .number = *number,
                            .deterministic = context.deterministicCuDNN() || context.deterministicAlgorithms(),
                            .input = sizes_of(input),
                            .weight = sizes_of(weight),
                            .stride = geometry.stride,
                            .pad = geometry.pad,
                            .dilation = geometry.dilation};
}

at::Tensor empty_channels_last(const std::array<int64_t, 4>& sizes, const at::Tensor& like) {
  return at::empty(sizes, like.options(), at::MemoryFormat::ChannelsLast);
}

bool run(const ConvolutionProblem& problem, const ConvolutionOperands& operands, bool may_measure) {
  const c10::cuda::CUDAGuard guard(operands.x.device());
  return planners()[operands.x.device().index()].run(problem, operands, may_measure);
}

}  // namespace

at::Tensor cudnn_forward(const at::Tensor& input, const at::Tensor& weight, const ConvolutionGeometry& geometry,
                         bool may_measure) {
  const auto problem = describe(ConvolutionPart::kForward, input, weight, input, geometry);
  if (!problem) return {};
  at::Tensor output = empty_channels_last(problem->output(), input);
  return run(*problem, {input, weight, output}, may_measure) ? output : at::Tensor();
}

at::Tensor cudnn_data_gradient(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
                               const ConvolutionGeometry& geometry) {
  const auto problem = describe(ConvolutionPart::kDataGradient, input, weight, gradient, geometry);
  if (!problem) return {};
  at::Tensor result = empty_channels_last(problem->input, gradient);
  return run(*problem, {result, weight, gradient}, true) ? result : at::Tensor();
}

bool cudnn_weight_gradient(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& result,
                           const ConvolutionGeometry& geometry) {
  const auto problem = describe(ConvolutionPart::kWeightGradient, input, result, gradient, geometry);
  if (!problem || !suits(input) || input.scalar_type() != gradient.scalar_type()) return false;
  return run(*problem, {input, result, gradient}, true);
}

void store_convolution_plans() {
  for (auto& [gpu, planner] : planners()) planner.store();
}

PlanCounts count_convolution_plans() {
  const auto found = planners().find(c10::cuda::current_device());
  return found == planners().end() ? PlanCounts{} : found->second.counts();
}

}  // namespace lockstep::nn

#endif

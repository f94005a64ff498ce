#pragma once

#ifdef LOCKSTEP_CUDA

#include <array>
#include <cstddef>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

// Convolutions on a GPU by cuDNN's plans, with the choice between them kept on disk (plan_cache.h): LibTorch's own
// choice is made again by every process, which is most of the time to the first step.
//
// The first time that a thread meets a problem it builds the stored plan. Where none is stored it builds up to 16 of
// cuDNN's recommendations that want at most 1 GiB of workspace, times them on the very tensors, keeps the fastest, and
// compares its result with LibTorch's operator: |difference| / |result| over all elements at most 2e-2 in bfloat16,
// 1e-2 in TF32, 5e-3 in float16 and 1e-3 in float32; activations on the first and the last 8 images, weights whole.
// What differs, and what cuDNN has no plan for, is left to LibTorch for good. Only compared plans are stored. A result
// that is all 0 or not finite says nothing, and the next one is compared; after 8 of them the plan is used as it is.
//
// Ranks choose for themselves and may choose differently: each computes the gradients of its own samples, and the
// exchange gives all ranks the same bits of the sum. What a run computes repeats bit for bit only where LibTorch is set
// to deterministic: then nothing is timed, and the choice is cuDNN's first recommendation that is deterministic, a
// function of problem, GPU model and version alone.
//
// All on the current stream, memory from LibTorch's allocator. The host waits for the GPU only while it measures or
// compares. A problem that was met before may be recorded into a CUDA graph; a new one is then left to LibTorch.
//
// [N, C, H, W] in channels_last, weight (out, C / groups, kh, kw) in channels_last, all of one type: float32, bfloat16
// or float16. An undefined tensor, or false: LibTorch has to do it, and what was written does not count.
//
// Without a GPU cuDNN's recommendations and the building of plans are tried (tests/cuda_build). Not tried yet: running,
// timing and comparing them.

struct ConvolutionGeometry {
  std::array<int64_t, 2> stride{1, 1}, pad{0, 0}, dilation{1, 1};
};

/// [N, out, H', W'], without a bias. Without `may_measure` stored plans alone are used: what is asked for once, in
/// batches of any size, is not worth the time.
at::Tensor cudnn_forward(const at::Tensor& input, const at::Tensor& weight, const ConvolutionGeometry& geometry,
                         bool may_measure = true);

/// d loss / d input from d loss / d output. `input` is not read: its shape counts.
at::Tensor cudnn_data_gradient(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
                               const ConvolutionGeometry& geometry);

/// d loss / d weight into `result`, a weight. Of the type of the others too: cuDNN 9.19 has no engine that sums 16-bit
/// products into float32 memory.
bool cudnn_weight_gradient(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& result,
                           const ConvolutionGeometry& geometry);

/// Stores what this thread has measured since the last call. Its first call of a process with plans logs how many came
/// from where. Costs nothing where nothing is new.
void store_convolution_plans();

/// Of this thread and its current GPU.
struct PlanCounts {
  size_t stored = 0;    ///< built from a stored choice
  size_t measured = 0;  ///< chosen here
  size_t left = 0;      ///< problems that are left to LibTorch
};
PlanCounts count_convolution_plans();

}  // namespace lockstep::nn

#endif

#pragma once

#include <array>
#include <compare>
#include <optional>

#include "batch_norm.h"

namespace lockstep::nn {

// BatchNorm of a training batch in cuDNN's fused kernels: forward reads x twice (and the shortcut once) and writes the
// output, backward reads x and the gradient twice and writes x's, where LibTorch's operators also take a pass for each
// addition and relu in both directions. Sums and per-channel numbers are float32 whatever x is.

/// All that decides which kernel does it.
struct BatchNormProblem {
  BatchNormOperation operation = BatchNormOperation::kNorm;
  at::ScalarType type = at::kFloat;
  std::array<int64_t, 4> sizes{};  ///< N, C, H, W
  friend auto operator<=>(const BatchNormProblem&, const BatchNormProblem&) = default;
};
BatchNormProblem problem_of(BatchNormOperation operation, const at::Tensor& input);

/// Why cuDNN is not even asked, in words; null: it is. What it says itself, and whether it is right, comes after that.
const char* why_not_cudnn(const BatchNormProblem& problem);

/// "BatchNorm+add+relu in bfloat16", for messages.
std::string name_of(const BatchNormProblem& problem);

#ifdef LOCKSTEP_CUDA

/// Compiles what these will need, several at a time, where no earlier process has stored it: otherwise they would be
/// compiled one by one as a step meets them, a second each. Changes nothing else; what fails is tried again then.
void prepare_cudnn_batch_norms(const std::vector<BatchNormProblem>& problems, at::Device gpu);

/// Where a node is a training batch's on a GPU and cuDNN takes it; nothing where LibTorch's operators are to be used.
/// The first use of an operation in a type is checked: cuDNN's output, running moments and gradients of a small tensor
/// against plain_batch_norm() in float32. What is refused or wrong is not tried again, with one warning. The host waits
/// for the GPU in that check alone, so that a step that is recorded as a CUDA graph must have run before.
std::optional<at::Tensor> cudnn_batch_norm(NodeRun& run, BatchNormOperation operation);

/// Whether the last forward pass of this node was the function above.
bool was_cudnn_batch_norm(const NodeRun& run);
std::vector<at::Tensor> cudnn_batch_norm_backward(NodeRun& run, BatchNormOperation operation,
                                                  const at::Tensor& gradient);

#endif

}  // namespace lockstep::nn

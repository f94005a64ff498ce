#pragma once

#ifdef LOCKSTEP_CUDA

#include <string>
#include <variant>

#include "cudnn_backend.h"
#include "cudnn_batch_norm.h"
#include "lockstep/core/file.h"

namespace lockstep::nn {

// The two ways in which cuDNN computes a BatchNorm, with the same four functions. Both put their work on the current
// stream, allocate from LibTorch's allocator alone, never wait, and may be recorded into a CUDA graph once built. They
// throw device Errors, also where cuDNN refuses the problem.

/// The tensors of one BatchNorm. Those of [N, C, H, W] are packed NHWC in the problem's type, those of [C] float32, all
/// 16-byte aligned.
struct BatchNormTensors {
  at::Tensor x, shortcut;                     ///< read; shortcut undefined without an addition
  at::Tensor scale, offset;                   ///< [C]
  at::Tensor running_mean, running_variance;  ///< [C] forward moves them towards the batch's, the variance unbiased
  at::Tensor output;                          ///< written by forward
  at::Tensor mean, inverse_deviation;         ///< [C] of the batch: from forward to backward
  at::Tensor reserve;                         ///< uint8 [reserve_bytes()]: from forward to backward
  at::Tensor gradient;                        ///< of the output
  at::Tensor x_gradient, shortcut_gradient, scale_gradient, offset_gradient;  ///< written by backward
};

/// cudnnBatchNormalization...Ex, cuDNN's older interface: fused for float16 and C a multiple of 4; whether it takes
/// bfloat16 depends on the version.
class FixedBatchNorm {
 public:
  explicit FixedBatchNorm(const BatchNormProblem& problem);
  size_t reserve_bytes() const { return reserve_bytes_; }
  bool needs_output() const { return operation_ != CUDNN_BATCHNORM_OPS_BN; }  ///< in backward
  void forward(const BatchNormTensors& tensors, double epsilon, double new_weight) const;
  void backward(const BatchNormTensors& tensors, double epsilon) const;

 private:
  cudnnTensorDescriptor_t shortcut() const;
  cudnnTensorDescriptor_t output() const { return needs_output() ? full_.get() : nullptr; }
  cudnnActivationDescriptor_t relu() const { return needs_output() ? relu_.get() : nullptr; }

  cudnnBatchNormOps_t operation_;
  TensorDescriptor full_, channels_;
  ActivationDescriptor relu_;
  size_t forward_bytes_ = 0, backward_bytes_ = 0, reserve_bytes_ = 0;
};

/// What plans are made for, and where they are kept (stored_plan.h).
struct PlanPlace {
  cudnnHandle_t handle = nullptr;
  backend::Descriptor device;  ///< without a handle: a description of the GPU; such plans cannot run
  bool deterministic = false;  ///< only engines that repeat bit for bit
  Path folder;
  std::string machine;  ///< the GPU's model and the driver's version: what a plan holds for
};

/// cuDNN's graph interface: float32, float16 and bfloat16 from compute capability 8.0. C a multiple of 8, of 4 in
/// float32. Where the output was cut off is kept as one bit an element. Its kernels are compiled when it is built,
/// which takes about a second where no earlier process has stored them.
class GraphBatchNorm {
 public:
  GraphBatchNorm(const BatchNormProblem& problem, const PlanPlace& place);
  size_t reserve_bytes() const { return reserve_bytes_; }
  static bool needs_output() { return false; }
  void forward(const BatchNormTensors& tensors, double epsilon, double new_weight) const;
  void backward(const BatchNormTensors& tensors, double epsilon) const;

 private:
  backend::Descriptor forward_, backward_;  // execution plans
  size_t forward_bytes_ = 0, backward_bytes_ = 0, reserve_bytes_ = 0;
};

using Way = std::variant<FixedBatchNorm, GraphBatchNorm>;

/// A node's passes in training. Afterwards `kept` holds five tensors: x, mean, inverse deviation, the output where
/// backward needs it, the reserve.
at::Tensor forward_by(const Way& way, NodeRun& run, BatchNormOperation operation);
std::vector<at::Tensor> backward_by(const Way& way, NodeRun& run, BatchNormOperation operation,
                                    const at::Tensor& gradient);

}  // namespace lockstep::nn

#endif

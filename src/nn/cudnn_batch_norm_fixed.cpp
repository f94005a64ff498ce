#ifdef LOCKSTEP_CUDA

#include "cudnn_batch_norm_ways.h"

namespace lockstep::nn {
namespace {

// The statistics of whole images, each value read from memory as seldom as the kernel can. Twice: for the call and for
// the sizes of its scratch memory.
constexpr cudnnBatchNormMode_t kMode = CUDNN_BATCHNORM_SPATIAL_PERSISTENT;
constexpr float kOne = 1, kZero = 0;

cudnnBatchNormOps_t operation_of(BatchNormOperation operation) {
  switch (operation) {
    case BatchNormOperation::kNorm:
      return CUDNN_BATCHNORM_OPS_BN;
    case BatchNormOperation::kNormRelu:
      return CUDNN_BATCHNORM_OPS_BN_ACTIVATION;
    case BatchNormOperation::kNormAddRelu:
      return CUDNN_BATCHNORM_OPS_BN_ADD_ACTIVATION;
  }
  return CUDNN_BATCHNORM_OPS_BN;
}

void* memory(const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; }

}  // namespace

FixedBatchNorm::FixedBatchNorm(const BatchNormProblem& problem) : operation_(operation_of(problem.operation)) {
  const auto size = [&](size_t dimension) { return static_cast<int>(problem.sizes[dimension]); };
  require_cudnn(cudnnSetTensor4dDescriptor(full_.get(), CUDNN_TENSOR_NHWC, cudnn_type(problem.type), size(0), size(1),
                                           size(2), size(3)),
                "cudnnSetTensor4dDescriptor");
  require_cudnn(cudnnDeriveBNTensorDescriptor(channels_.get(), full_.get(), kMode), "cudnnDeriveBNTensorDescriptor");
  // What is not a number stays visible behind the relu.
  require_cudnn(cudnnSetActivationDescriptor(relu_.get(), CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0),
                "cudnnSetActivationDescriptor");
  const cudnnHandle_t handle = cudnn_handle();
  require_cudnn(
      cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(handle, kMode, operation_, full_.get(), shortcut(),
                                                               full_.get(), channels_.get(), relu(), &forward_bytes_),
      "cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize");
  require_cudnn(cudnnGetBatchNormalizationBackwardExWorkspaceSize(handle, kMode, operation_, full_.get(), output(),
                                                                  full_.get(), shortcut(), full_.get(), channels_.get(),
                                                                  relu(), &backward_bytes_),
                "cudnnGetBatchNormalizationBackwardExWorkspaceSize");
  require_cudnn(cudnnGetBatchNormalizationTrainingExReserveSpaceSize(handle, kMode, operation_, relu(), full_.get(),
                                                                     &reserve_bytes_),
                "cudnnGetBatchNormalizationTrainingExReserveSpaceSize");
}

cudnnTensorDescriptor_t FixedBatchNorm::shortcut() const {
  return operation_ == CUDNN_BATCHNORM_OPS_BN_ADD_ACTIVATION ? full_.get() : nullptr;
}

void FixedBatchNorm::forward(const BatchNormTensors& t, double epsilon, double new_weight) const {
  const at::Tensor workspace = device_bytes(forward_bytes_, t.x);
  require_cudnn(
      cudnnBatchNormalizationForwardTrainingEx(
          cudnn_handle(), kMode, operation_, &kOne, &kZero, full_.get(), memory(t.x), shortcut(), memory(t.shortcut),
          full_.get(), memory(t.output), channels_.get(), memory(t.scale), memory(t.offset), new_weight,
          memory(t.running_mean), memory(t.running_variance), epsilon, memory(t.mean), memory(t.inverse_deviation),
          relu(), memory(workspace), forward_bytes_, memory(t.reserve), reserve_bytes_),
      "cudnnBatchNormalizationForwardTrainingEx");
}

void FixedBatchNorm::backward(const BatchNormTensors& t, double epsilon) const {
  const at::Tensor workspace = device_bytes(backward_bytes_, t.x);
  require_cudnn(
      cudnnBatchNormalizationBackwardEx(cudnn_handle(), kMode, operation_, &kOne, &kZero, &kOne, &kZero, full_.get(),
                                        memory(t.x), output(), memory(t.output), full_.get(), memory(t.gradient),
                                        shortcut(), memory(t.shortcut_gradient), full_.get(), memory(t.x_gradient),
                                        channels_.get(), memory(t.scale), memory(t.offset), memory(t.scale_gradient),
                                        memory(t.offset_gradient), epsilon, memory(t.mean), memory(t.inverse_deviation),
                                        relu(), memory(workspace), backward_bytes_, memory(t.reserve), reserve_bytes_),
      "cudnnBatchNormalizationBackwardEx");
}

}  // namespace lockstep::nn

#endif

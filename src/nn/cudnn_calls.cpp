#ifdef LOCKSTEP_CUDA

#include "cudnn_calls.h"

#include <algorithm>

#include <ATen/cudnn/Handle.h>
#include <ATen/ops/empty.h>

#include "lockstep/core/error.h"

namespace lockstep::nn {

void require_cudnn(cudnnStatus_t status, const char* call) {
  require(status == CUDNN_STATUS_SUCCESS, ErrorKind::kDevice, call, ": ", cudnnGetErrorString(status));
}

cudnnHandle_t cudnn_handle() { return at::native::getCudnnHandle(); }

cudnnDataType_t cudnn_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return CUDNN_DATA_FLOAT;
    case at::kHalf:
      return CUDNN_DATA_HALF;
    case at::kBFloat16:
      return CUDNN_DATA_BFLOAT16;
    default:
      fail(ErrorKind::kBug, "cuDNN is given a tensor of ", c10::toString(type));
  }
}

TensorDescriptor describe_channels_last(const at::Tensor& tensor) {
  TensorDescriptor descriptor;
  const auto size = [&](int64_t dimension) { return static_cast<int>(tensor.size(dimension)); };
  require_cudnn(cudnnSetTensor4dDescriptor(descriptor.get(), CUDNN_TENSOR_NHWC, cudnn_type(tensor.scalar_type()),
                                           size(0), size(1), size(2), size(3)),
                "cudnnSetTensor4dDescriptor");
  return descriptor;
}

at::Tensor device_bytes(size_t bytes, const at::Tensor& like) {
  return at::empty({std::max<int64_t>(1, static_cast<int64_t>(bytes))}, like.options().dtype(at::kByte));
}

}  // namespace lockstep::nn

#endif

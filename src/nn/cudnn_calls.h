#pragma once

#ifdef LOCKSTEP_CUDA

#include <utility>

#include <ATen/core/Tensor.h>
#include <cudnn.h>

namespace lockstep::nn {

// What every caller of cuDNN needs. Not called cudnn.h, which would hide the library's own header from whoever has this
// folder among its include paths.

/// device Error with cuDNN's own words.
void require_cudnn(cudnnStatus_t status, const char* call);

/// LibTorch's handle of this thread and its current GPU, on the current stream. Borrowed: valid as long as the thread.
cudnnHandle_t cudnn_handle();

/// float32, float16 or bfloat16; a bug Error otherwise.
cudnnDataType_t cudnn_type(at::ScalarType type);

/// Owns a descriptor: made at birth, destroyed with it. `set` functions of cuDNN take get().
template <typename Raw, cudnnStatus_t (*create)(Raw*), cudnnStatus_t (*destroy)(Raw)>
class CudnnDescriptor {
 public:
  CudnnDescriptor() { require_cudnn(create(&raw_), "creating a descriptor"); }
  ~CudnnDescriptor() {
    if (raw_) destroy(raw_);
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  Raw get() const { return raw_; }

 private:
  Raw raw_ = nullptr;
};

using TensorDescriptor =
    CudnnDescriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using FilterDescriptor =
    CudnnDescriptor<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using ConvolutionDescriptor =
    CudnnDescriptor<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;
using ActivationDescriptor =
    CudnnDescriptor<cudnnActivationDescriptor_t, cudnnCreateActivationDescriptor, cudnnDestroyActivationDescriptor>;

/// Of a tensor [N, C, H, W] in channels_last memory: sizes and NHWC strides, whatever strides dimensions of size 1
/// have.
TensorDescriptor describe_channels_last(const at::Tensor& tensor);

/// Scratch memory on the tensor's GPU, from LibTorch's allocator: in the order of the current stream, so that it may be
/// let go as soon as the call that uses it was made. uint8 [bytes], at least 1.
at::Tensor device_bytes(size_t bytes, const at::Tensor& like);

}  // namespace lockstep::nn

#endif

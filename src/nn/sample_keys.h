#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

/// A number for each sample of a step, from which Dropout draws: a function of (seed, epoch, batch, sample id), so the
/// same on any rank, in any part of the batch and after a resume. One thread.
class SampleKeys {
 public:
  SampleKeys() = default;
  SampleKeys(uint64_t seed, at::Device device) : seed_(seed), device_(device) {}

  /// Not within the capture of a CUDA graph but before each replay: the numbers go into the same memory as before while
  /// the count of samples is the same.
  void begin(int64_t epoch, int64_t batch, std::span<const int64_t> samples);
  /// [count] int64 on the device. Where begin() was never called, as when memory is measured, samples are drawn by
  /// their position; afterwards another count than its is a bug Error.
  const at::Tensor& of(int64_t count);

 private:
  void draw(int64_t epoch, int64_t batch, std::span<const int64_t> samples);

  uint64_t seed_ = 0;
  at::Device device_ = at::kCPU;
  bool is_begun_ = false;
  at::Tensor keys_;
};

}  // namespace lockstep::nn

#pragma once

#include <array>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

// The weights' gradient of convolutions with kernels of 3 x 3 by the definition, on CPUs with AVX-512, channels_last,
// in float32, or in bfloat16 where the CPU has AVX512-BF16. Products are summed in float32 and never rounded to
// bfloat16. The bits do not depend on the number of threads.

/// From one output to the next, and the border: {down, across}.
struct Steps {
  std::array<int64_t, 2> stride, pad;
};

/// Whether this processor has the instructions and this is such a convolution, not dilated, in one group: x [N, C, H,
/// W], weight [K, C, 3, 3], C and K multiples of 16.
bool suits_weight_gradient(const at::Tensor& x, const at::Tensor& weight);

/// d loss / d weight [K, C, 3, 3], float32, of `gradient` [N, K, H', W'].
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, const Steps& steps);

}  // namespace lockstep::nn

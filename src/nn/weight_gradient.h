#pragma once

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

// The weights' gradient of convolutions with kernels of 3 x 3 by the definition, on CPUs with AVX-512, channels_last,
// in float32, or in bfloat16 where the CPU has AVX512-BF16. Products are summed in float32 and never rounded to
// bfloat16. The bits do not depend on the number of threads.

/// Whether this processor has the instructions and the convolution, if it is not dilated, is one of these: x [N, C, H,
/// W], weight [K, C, 3, 3], C and K multiples of 16.
bool suits_weight_gradient(const at::Tensor& x, const at::Tensor& weight);

/// d loss / d weight [K, C, 3, 3], float32, of `gradient` [N, K, H', W'] in the type of x; stride and pad in pixels:
/// {down, across}. Takes ATen's threads.
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, at::IntArrayRef stride,
                           at::IntArrayRef pad);

}  // namespace lockstep::nn

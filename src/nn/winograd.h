#pragma once

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

// Convolutions of 3 x 3, stride 1, a border of one zero, no bias, by F(2 x 2, 3 x 3) of Winograd's (Lavin and Gray,
// arXiv 1509.09308): 16 multiplications where the definition has 36, and sums that differ from it by rounding alone. On
// CPUs with AVX-512, in float32, channels_last. The bits depend on neither the number of threads nor, for pictures and
// their gradient, on the batch.

/// Whether the three functions below take these tensors and are likely to be faster: x [N, C, H, W], weight [K, C, 3,
/// 3].
bool suits_winograd(const at::Tensor& x, const at::Tensor& weight);

at::Tensor winograd_forward(const at::Tensor& x, const at::Tensor& weight);                // [N, K, H, W]
at::Tensor winograd_input_gradient(const at::Tensor& gradient, const at::Tensor& weight);  // [N, C, H, W]
at::Tensor winograd_weight_gradient(const at::Tensor& x, const at::Tensor& gradient);      // [K, C, 3, 3]

}  // namespace lockstep::nn

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace at {
class Tensor;
}

namespace lockstep::nn {

/// The one door from pixels to tensors, for training and serving: uint8 [n, height, width, channels] -> float [n,
/// channels, height, width] in channels_last memory, (pixel - mean) / std per channel. Empty mean or std: 0 and 1.
/// `pixels` may be freed afterwards.
at::Tensor to_input(std::span<const uint8_t> pixels, int64_t n, int height, int width, int channels,
                    const std::vector<double>& mean = {}, const std::vector<double>& std = {});

/// The same of pixels on any device: uint8 [n, height, width, channels].
at::Tensor to_input(const at::Tensor& pixels, const std::vector<double>& mean, const std::vector<double>& std);

/// Probabilities of logits [N, K]: softmax, or one sigmoid each.
at::Tensor probabilities(const at::Tensor& logits, bool multi_label);

}  // namespace lockstep::nn

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <c10/core/Device.h>

namespace at {
class Tensor;
}

namespace lockstep::nn {

/// The one door from pixels to tensors, for training and serving: uint8 [n, height, width, channels] -> float [n,
/// channels, height, width] in channels_last memory, (pixel - mean) / std per channel. Empty mean or std: 0 and 1.
/// `pixels` may be freed afterwards.
at::Tensor to_input(std::span<const uint8_t> pixels, int64_t n, int height, int width, int channels,
                    const std::vector<double>& mean = {}, const std::vector<double>& std = {});

/// The same of pixels on any device: uint8 [n, height, width, channels]. mean, std: [channels] float there
/// (channel_values()), or undefined.
at::Tensor to_input(const at::Tensor& pixels, const at::Tensor& mean, const at::Tensor& std);
/// One value a channel on a device: [channels] float; undefined for no values.
at::Tensor channel_values(const std::vector<double>& values, c10::Device device);

/// Probabilities of logits [N, K]: softmax, or one sigmoid each.
at::Tensor probabilities(const at::Tensor& logits, bool multi_label);

}  // namespace lockstep::nn

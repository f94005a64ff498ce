#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

// The arithmetic of BatchNorm on a CPU, each function one pass over memory. A tensor [N, C, H, W] in channels_last
// memory is a table of N * H * W rows of C channels. Arithmetic is float32, sums over many rows float64. The rows are
// divided among the threads and the sums taken in the order of the parts: the bits depend on the number of threads
// alone.

/// Whether the functions below take it: float32 or bfloat16 in channels_last memory on a CPU.
bool is_channel_table(const at::Tensor& tensor);

/// One number a channel.
using Channel = std::vector<float>;

/// Two sums over all rows, one each a channel.
struct ChannelSums {
  std::vector<double> first, second;
};

/// y = scale x + offset (+ addend), and 0 where `relu` and y < 0.
struct ChannelLine {
  Channel scale, offset;
  bool relu = false;
};
/// `addend`: like x, or undefined.
at::Tensor apply_line(const at::Tensor& x, const ChannelLine& line, const at::Tensor& addend = {});

/// The mean of a few rows from all over the table.
Channel rough_mean(const at::Tensor& x);
/// Sums of x - shift and (x - shift)^2. A shift near the mean keeps the second one exact.
ChannelSums sum_moments(const at::Tensor& x, const Channel& shift);

/// d loss / d x = scale g + slope (x - mean) + offset, where g is the gradient of y, and 0 where `line` cut y off.
struct GradientLine {
  Channel scale, slope, offset;
};
/// Sums of g and g (x - mean).
ChannelSums sum_gradient(const at::Tensor& gradient, const at::Tensor& x, const ChannelLine& line, const Channel& mean);
at::Tensor apply_gradient(const at::Tensor& gradient, const at::Tensor& x, const ChannelLine& line, const Channel& mean,
                          const GradientLine& to);

}  // namespace lockstep::nn

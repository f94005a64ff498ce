#include "weight_gradient.h"

#include <algorithm>
#include <array>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "group_sums.h"
#include "weight_gradient_loops.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kLines = 3;              // of the kernel
constexpr int64_t kBlockWords = 24 << 10;  // of a block's pictures, for 16 channels: 96 KB

/// The lines of all pictures of a batch, one after the other.
template <class Number>
struct Lines {
  explicit Lines(const at::Tensor& batch)
      : data(batch.const_data_ptr<Number>()),
        height(batch.size(2)),
        width(batch.size(3)),
        channels(batch.size(1)),
        count(batch.size(0) * height) {}
  const Number* at(int64_t line) const { return data + line * width * channels; }
  const Number* data;
  int64_t height, width, channels, count;
};

/// The sizes of one call.
template <class Number>
struct Work {
  Work(const at::Tensor& x, const at::Tensor& y, at::IntArrayRef stride, at::IntArrayRef pad)
      : picture(x),
        gradient(y),
        down_stride(stride[0]),
        down_pad(pad[0]),
        across{.width = picture.width, .outputs = gradient.width, .stride = stride[1], .pad = pad[1]},
        words((gradient.width + kOutputsOfWord<Number> - 1) / kOutputsOfWord<Number>),
        gradient_line(words * gradient.channels),
        taps(words * kTaps * kWordLane),
        block(std::max<int64_t>(kBlockWords / taps / std::min(down_stride, kLines), 1)) {}
  Lines<Number> picture, gradient;
  int64_t down_stride, down_pad;
  LineGeometry across;
  int64_t words;                ///< of a line, for one channel
  int64_t gradient_line, taps;  ///< words of a line, for all channels of the gradient or 16 of the picture
  int64_t block;                ///< lines of the gradient at a time
};

/// Some lines of the gradient and those of the picture that the kernel joins to them.
struct Block {
  template <class Number>
  Block(const Work<Number>& work, int64_t first, int64_t past) : begin(first), end(past) {
    const auto top_of = [&](int64_t line) { return line % work.gradient.height * work.down_stride - work.down_pad; };
    const auto place_of = [&](int64_t line, int64_t y) {
      return line / work.gradient.height * work.picture.height + std::clamp<int64_t>(y, 0, work.picture.height);
    };
    picture_begin = place_of(begin, top_of(begin));
    picture_end = place_of(end - 1, top_of(end - 1) + kLines);
    for (int64_t line = begin; line < end; ++line)
      for (int64_t k = 0, y = top_of(line); k < kLines; ++k, ++y)
        if (y >= 0 && y < work.picture.height)
          meetings[static_cast<size_t>(k)].push_back({.gradient = (line - begin) * work.gradient_line,
                                                      .taps = (place_of(line, y) - picture_begin) * work.taps});
  }
  int64_t begin, end, picture_begin, picture_end;
  std::array<std::vector<Meeting>, kLines> meetings;  ///< of each line of the kernel
};

/// Adds to sums[o][k][t][c].
template <class Number>
void add_block(const Work<Number>& work, const Block& block, float* sums) {
  const int64_t lines = block.end - block.begin, picture_lines = block.picture_end - block.picture_begin;
  const int64_t inputs = work.picture.channels, outputs = work.gradient.channels, row = kLines * kTaps * inputs;
  const auto words = [](int64_t count) { return at::empty({count}, at::kInt); };
  const at::Tensor gradient = words(lines * work.gradient_line),
                   taps = words(inputs / kWordLane * picture_lines * work.taps);
  auto* const gradient_data = static_cast<uint32_t*>(gradient.mutable_data_ptr());
  const auto taps_of = [&, data = static_cast<uint32_t*>(taps.mutable_data_ptr())](int64_t channel) {
    return data + channel / kWordLane * picture_lines * work.taps;
  };
  at::parallel_for(0, lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      lay_gradient(work.gradient.at(block.begin + i), work.across, outputs, gradient_data + i * work.gradient_line);
  });
  at::parallel_for(0, picture_lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < inputs; c += kWordLane)
        lay_taps(work.picture.at(block.picture_begin + i) + c, work.across, inputs, taps_of(c) + i * work.taps);
  });
  constexpr auto multiply = kOutputsOfWord<Number> == 2 ? multiply_pairs : multiply_floats;
  const int64_t across = outputs / kWordRows;
  at::parallel_for(0, inputs / kWordLane * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t c = unit / across * kWordLane, o = unit % across * kWordRows;
      for (int64_t k = 0; k < kLines; ++k)
        multiply({.gradient = gradient_data + o,
                  .taps = taps_of(c),
                  .meetings = block.meetings[static_cast<size_t>(k)],
                  .words = work.words,
                  .channels = outputs,
                  .to = sums + o * row + k * kTaps * inputs + c,
                  .row = row,
                  .tap = inputs});
    }
  });
}

template <class Number>
at::Tensor sum_all(const Work<Number>& work) {
  const int64_t outputs = work.gradient.channels, inputs = work.picture.channels;
  const int64_t numbers = outputs * kLines * kTaps * inputs;
  const at::Tensor sums =
      sum_in_groups(work.gradient.count, work.block, numbers, [&](int64_t begin, int64_t end, float* to) {
        std::fill_n(to, numbers, 0.0f);
        for (int64_t line = begin; line < end; line += work.block)
          add_block(work, Block(work, line, std::min(line + work.block, end)), to);
      });
  return sums.view({outputs, kLines, kTaps, inputs}).permute({0, 3, 1, 2});
}

}  // namespace

bool suits_weight_gradient(const at::Tensor& x, const at::Tensor& weight) {
  static const bool has_avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  static const bool has_pairs = has_avx512 && __builtin_cpu_supports("avx512bf16");
  const auto suits = [](const at::Tensor& tensor) {
    return tensor.is_cpu() &&
           (tensor.scalar_type() == at::kBFloat16 ? has_pairs : tensor.scalar_type() == at::kFloat && has_avx512) &&
           tensor.dim() == 4 && tensor.numel() > 0 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast) &&
           tensor.size(1) % kWordLane == 0;
  };
  return suits(x) && suits(weight) && x.scalar_type() == weight.scalar_type() && weight.size(0) % kWordLane == 0 &&
         weight.size(2) == kLines && weight.size(3) == kTaps && weight.size(1) == x.size(1);
}

at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, at::IntArrayRef stride,
                           at::IntArrayRef pad) {
  return x.scalar_type() == at::kFloat ? sum_all(Work<float>(x, gradient, stride, pad))
                                       : sum_all(Work<c10::BFloat16>(x, gradient, stride, pad));
}

}  // namespace lockstep::nn

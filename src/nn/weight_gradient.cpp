#include "weight_gradient.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "group_sums.h"
#include "pair_loops.h"

namespace lockstep::nn {
namespace {

using c10::BFloat16;

constexpr int64_t kLines = 3;              // of the kernel
constexpr int64_t kBlockWords = 24 << 10;  // of a block's pictures, for 16 channels: in the second-level cache

/// The lines of all pictures of a batch, one after the other.
struct Lines {
  explicit Lines(const at::Tensor& batch)
      : data(batch.const_data_ptr<BFloat16>()),
        height(batch.size(2)),
        width(batch.size(3)),
        channels(batch.size(1)),
        count(batch.size(0) * height) {}
  const BFloat16* at(int64_t line) const { return data + line * width * channels; }
  const BFloat16* data;
  int64_t height, width, channels, count;
};

struct Work {
  Work(const at::Tensor& x, const at::Tensor& y, const Steps& s)
      : picture(x),
        gradient(y),
        steps(s),
        across{.width = picture.width, .outputs = gradient.width, .stride = s.stride[1], .pad = s.pad[1]},
        neighbours(across.pairs() * gradient.channels),
        taps(across.pairs() * kTaps * kPairLane),
        block(std::max<int64_t>(kBlockWords / taps / std::min(s.stride[0], kLines), 1)) {}
  Lines picture, gradient;
  Steps steps;
  LineGeometry across;
  int64_t neighbours, taps;  ///< words of a line; taps: for 16 channels
  int64_t block;             ///< lines of the gradient at a time
};

/// Some lines of the gradient and those of the picture that the kernel joins to them.
struct Block {
  Block(const Work& work, int64_t first, int64_t past) : begin(first), end(past) {
    const auto top_of = [&](int64_t line) {
      return line % work.gradient.height * work.steps.stride[0] - work.steps.pad[0];
    };
    const auto place_of = [&](int64_t line, int64_t y) {
      return line / work.gradient.height * work.picture.height + std::clamp<int64_t>(y, 0, work.picture.height);
    };
    picture_begin = place_of(begin, top_of(begin));
    picture_end = place_of(end - 1, top_of(end - 1) + kLines);
    for (int64_t line = begin; line < end; ++line)
      for (int64_t k = 0, y = top_of(line); k < kLines; ++k, ++y)
        if (y >= 0 && y < work.picture.height)
          meetings[static_cast<size_t>(k)].push_back({.neighbours = (line - begin) * work.neighbours,
                                                      .taps = (place_of(line, y) - picture_begin) * work.taps});
  }
  int64_t begin, end, picture_begin, picture_end;
  std::array<std::vector<Meeting>, kLines> meetings;  ///< of each line of the kernel
};

/// Adds to sums[o][k][t][c].
void add_block(const Work& work, const Block& block, float* sums) {
  const int64_t lines = block.end - block.begin, picture_lines = block.picture_end - block.picture_begin;
  const int64_t inputs = work.picture.channels, outputs = work.gradient.channels, row = kLines * kTaps * inputs;
  const auto words = [](int64_t count) { return at::empty({count}, at::kInt); };
  const at::Tensor neighbours = words(lines * work.neighbours),
                   taps = words(inputs / kPairLane * picture_lines * work.taps);
  auto* const neighbours_data = static_cast<uint32_t*>(neighbours.mutable_data_ptr());
  const auto taps_of = [&, data = static_cast<uint32_t*>(taps.mutable_data_ptr())](int64_t channel) {
    return data + channel / kPairLane * picture_lines * work.taps;
  };
  at::parallel_for(0, lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      pair_neighbours(work.gradient.at(block.begin + i), work.across, outputs, neighbours_data + i * work.neighbours);
  });
  at::parallel_for(0, picture_lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < inputs; c += kPairLane)
        pair_taps(work.picture.at(block.picture_begin + i) + c, work.across, inputs, taps_of(c) + i * work.taps);
  });
  const int64_t across = outputs / kPairRows;
  at::parallel_for(0, inputs / kPairLane * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t c = unit / across * kPairLane, o = unit % across * kPairRows;
      for (int64_t k = 0; k < kLines; ++k)
        multiply_pairs({.neighbours = neighbours_data + o,
                        .taps = taps_of(c),
                        .meetings = block.meetings[static_cast<size_t>(k)],
                        .pairs = work.across.pairs(),
                        .channels = outputs,
                        .to = sums + o * row + k * kTaps * inputs + c,
                        .row = row,
                        .tap = inputs});
    }
  });
}

}  // namespace

bool suits_weight_gradient(const at::Tensor& x, const at::Tensor& weight) {
  static const bool has_instructions =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  const auto suits = [](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kBFloat16 && tensor.dim() == 4 && tensor.numel() > 0 &&
           tensor.is_contiguous(at::MemoryFormat::ChannelsLast) && tensor.size(1) % kPairLane == 0;
  };
  return has_instructions && suits(x) && suits(weight) && weight.size(0) % kPairLane == 0 && weight.size(2) == kLines &&
         weight.size(3) == kTaps && weight.size(1) == x.size(1);
}

at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, const Steps& steps) {
  const Work work(x, gradient, steps);
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

}  // namespace lockstep::nn

#include "winograd.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "group_sums.h"
#include "winograd_loops.h"

namespace lockstep::nn {
namespace {

constexpr double kMostWaste = 1.35;  // pixels of all tiles over those of the picture
constexpr int64_t kTiles = 64;       // at a time: their planes stay in the second-level cache
constexpr int64_t kSummedTiles = 128;

Pictures pictures_of(const at::Tensor& batch) { return {batch.size(0), batch.size(2), batch.size(3), batch.size(1)}; }

/// From one plane of rows x columns numbers to the next.
constexpr int64_t plane_of(int64_t rows, int64_t columns) { return rows * columns + kLane; }

/// Transformed tiles or patches.
struct Tiles {
  Tiles(int64_t count, int64_t all_channels)
      : channels(all_channels), row(tile_row(channels)), memory(at::empty({count * row})) {
    data = memory.mutable_data_ptr<float>();
  }
  int64_t channels, row;
  at::Tensor memory;
  float* data;
};

/// Transformed weights as multiply() reads them: panel by panel of columns, each [sums][columns of the panel].
struct Weights {
  Weights(int64_t summed, int64_t all_columns)
      : sums(summed), columns(all_columns), plane(plane_of(summed, all_columns)), memory(at::empty({kPlanes * plane})) {
    data = memory.mutable_data_ptr<float>();
  }
  int64_t width(int64_t column) const { return std::min(kPanel, columns - column / kPanel * kPanel); }
  float* at(int64_t sum, int64_t column) const {
    const int64_t panel = column / kPanel * kPanel;
    return data + panel * sums + sum * width(column) + column - panel;
  }
  int64_t sums, columns, plane;
  at::Tensor memory;
  float* data;
};

/// Columns are the outputs of a convolution, or its inputs where it is turned into that of the gradient.
Weights spread(const at::Tensor& weight, bool turned) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1), across = inputs / kLane;
  const Weights panels(turned ? outputs : inputs, turned ? inputs : outputs);
  const float* data = weight.const_data_ptr<float>();
  at::parallel_for(0, outputs / kLane * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t output = block / across * kLane, input = block % across * kLane;
      const float* from = data + 9 * output * inputs + input;
      if (turned)
        spread_turned_weights(from, inputs, panels.at(output, input), panels.plane, panels.width(input));
      else
        spread_weights(from, inputs, panels.at(input, output), panels.plane, panels.width(output));
    }
  });
  return panels;
}

/// Tiles begin..end of the result.
void correlate_tiles(const Pictures& from, const float* x, const Weights& panels, const Pictures& to, float* y,
                     int64_t begin, int64_t end, const Tiles& patches, const Tiles& products) {
  spread_patches(from, x, begin, end, patches.data);
  const int64_t rows = (end - begin + kRows - 1) / kRows * kRows;  // the last few are computed and not read
  for (int64_t p = 0; p < kPlanes; ++p)
    for (int64_t column = 0; column < panels.columns; column += kPanel)
      multiply({.left = patches.data + p * patches.channels,
                .left_row = patches.row,
                .left_step = 1,
                .right = panels.at(0, column) + p * panels.plane,
                .right_step = panels.width(column),
                .to = products.data + p * products.channels + column,
                .to_row = products.row,
                .rows = rows,
                .columns = panels.width(column),
                .steps = panels.sums,
                .adds = false});
  gather_tiles(products.data, to, begin, end, y);
}

at::Tensor correlate(const at::Tensor& input, const Weights& panels) {
  const at::Tensor result = at::empty({input.size(0), panels.columns, input.size(2), input.size(3)},
                                      input.options().memory_format(at::MemoryFormat::ChannelsLast));
  const Pictures from = pictures_of(input), to = pictures_of(result);
  const float* x = input.const_data_ptr<float>();
  float* y = result.mutable_data_ptr<float>();
  at::parallel_for(0, (from.tiles() + kTiles - 1) / kTiles, 1, [&](int64_t begin, int64_t end) {
    const Tiles patches(kTiles, panels.sums), products(kTiles, panels.columns);
    for (int64_t block = begin; block < end; ++block)
      correlate_tiles(from, x, panels, to, y, block * kTiles, std::min((block + 1) * kTiles, from.tiles()), patches,
                      products);
  });
  return result;
}

/// Sums of the products of tiles begin..end with their patches.
void sum_tiles(const Pictures& from, const float* x, const Pictures& to, const float* gradient, int64_t begin,
               int64_t end, float* sums) {
  const int64_t panels = (from.channels() + kPanel - 1) / kPanel, plane = plane_of(to.channels(), from.channels());
  const Tiles patches(kSummedTiles, from.channels()), tiles(kSummedTiles, to.channels());
  for (int64_t first = begin; first < end; first += kSummedTiles) {
    const int64_t count = std::min(kSummedTiles, end - first);
    at::parallel_for(0, count, kRows, [&](int64_t one, int64_t past) {
      spread_patches(from, x, first + one, first + past, patches.data + one * patches.row);
      spread_tiles(to, gradient, first + one, first + past, tiles.data + one * tiles.row);
    });
    at::parallel_for(0, kPlanes * panels, 1, [&](int64_t one, int64_t past) {
      for (int64_t unit = one; unit < past; ++unit) {
        const int64_t p = unit / panels, column = unit % panels * kPanel;
        multiply({.left = tiles.data + p * tiles.channels,
                  .left_row = 1,
                  .left_step = tiles.row,
                  .right = patches.data + p * patches.channels + column,
                  .right_step = patches.row,
                  .to = sums + p * plane + column,
                  .to_row = from.channels(),
                  .rows = to.channels(),
                  .columns = std::min(kPanel, from.channels() - column),
                  .steps = count,
                  .adds = first > begin});
      }
    });
  }
}

}  // namespace

bool suits_winograd(const at::Tensor& x, const at::Tensor& weight) {
  static const bool has_avx512 = __builtin_cpu_supports("avx512f");
  const auto suits = [](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.dim() == 4 && tensor.numel() > 0 &&
           tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
  };
  if (!has_avx512 || !suits(x) || !suits(weight) || weight.size(2) != 3 || weight.size(3) != 3) return false;
  for (const int64_t channels : {weight.size(0), weight.size(1)})
    if (channels % kLane != 0) return false;
  const int64_t height = x.size(2), width = x.size(3), tiles = (height + 1) / 2 * ((width + 1) / 2);
  return static_cast<double>(4 * tiles) <= kMostWaste * static_cast<double>(height * width);
}

at::Tensor winograd_forward(const at::Tensor& x, const at::Tensor& weight) {
  return correlate(x, spread(weight, false));
}

at::Tensor winograd_input_gradient(const at::Tensor& gradient, const at::Tensor& weight) {
  return correlate(gradient, spread(weight, true));
}

at::Tensor winograd_weight_gradient(const at::Tensor& x, const at::Tensor& gradient) {
  const Pictures from = pictures_of(x), to = pictures_of(gradient);
  const int64_t inputs = from.channels(), outputs = to.channels();
  const int64_t plane = plane_of(outputs, inputs);
  const at::Tensor sums =
      sum_in_groups(from.tiles(), 4 * kSummedTiles, kPlanes * plane, [&](int64_t begin, int64_t end, float* all) {
        sum_tiles(from, x.const_data_ptr<float>(), to, gradient.const_data_ptr<float>(), begin, end, all);
      });
  const float* sums_data = sums.const_data_ptr<float>();

  at::Tensor result = at::empty({outputs, inputs, 3, 3}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
  float* result_data = result.mutable_data_ptr<float>();
  at::parallel_for(0, outputs, kLane, [&](int64_t begin, int64_t end) {
    for (int64_t output = begin; output < end; ++output)
      gather_weights(sums_data + output * inputs, plane, result_data + 9 * output * inputs, inputs);
  });
  return result;
}

}  // namespace lockstep::nn

#include "channel_table.h"

#include <algorithm>
#include <limits>

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>

#include "channel_loops.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kBlock = 256;      // rows whose sums are taken in float32
constexpr int64_t kGrain = 1 << 15;  // elements; below, starting threads costs more than the work
constexpr int64_t kWide = 96;        // columns; fewer are no work for vectors
constexpr int64_t kSamples = 16;     // rows

/// The rows of a tensor; `fold` rows of few channels are one of the table.
struct Table {
  explicit Table(const at::Tensor& tensor) : rows(tensor.numel() / tensor.size(1)), width(tensor.size(1)) {
    for (; width < kWide && rows % 2 == 0; rows /= 2, width *= 2) fold *= 2;
  }
  int64_t rows, width, fold = 1;

  Channel widen(const Channel& values) const {
    Channel wide;
    for (int64_t i = 0; i < fold; ++i) wide.insert(wide.end(), values.begin(), values.end());
    return wide;
  }
  int parts() const { return rows * width < kGrain ? 1 : at::get_num_threads(); }
};

/// work(part, first row, rows), several threads at once.
template <class Work>
void for_each_part(const Table& table, const Work& work) {
  const int64_t parts = table.parts();
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = table.rows * part / parts;
      work(static_cast<size_t>(part), first, table.rows * (part + 1) / parts - first);
    }
  });
}

/// add(first sums, second sums, first row, rows) adds a few rows in float32.
template <class Add>
ChannelSums sum_rows(const Table& table, const Add& add) {
  const auto width = static_cast<size_t>(table.width), channels = width / static_cast<size_t>(table.fold);
  std::vector<std::vector<double>> sums(static_cast<size_t>(table.parts()));
  for_each_part(table, [&](size_t part, int64_t begin, int64_t rows) {
    std::vector<double> total(2 * width);
    std::vector<float> block(2 * width);
    for (int64_t row = 0; row < rows; row += kBlock) {
      std::fill(block.begin(), block.end(), 0.0f);
      add(block.data(), block.data() + width, begin + row, std::min(kBlock, rows - row));
      for (size_t i = 0; i < total.size(); ++i) total[i] += static_cast<double>(block[i]);
    }
    sums[part] = std::move(total);
  });
  ChannelSums result{std::vector<double>(channels), std::vector<double>(channels)};
  for (const auto& part : sums)
    for (size_t i = 0; i < width; ++i) {
      result.first[i % channels] += part[i];
      result.second[i % channels] += part[i + width];
    }
  return result;
}

/// work(a number of the tensor's type)
template <class Work>
auto by_type(const at::Tensor& tensor, const Work& work) {
  return tensor.scalar_type() == at::kFloat ? work(float{}) : work(at::BFloat16{});
}

template <class T>
const T* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<T>() : nullptr;
}
template <class T>
T* advance(T* data, int64_t elements) {
  return data ? data + elements : nullptr;
}

/// What the loops read of a ChannelLine.
struct WideLine {
  WideLine(const Table& table, const ChannelLine& line)
      : scale(table.widen(line.scale)),
        offset(table.widen(line.offset)),
        least(line.relu ? 0 : -std::numeric_limits<float>::infinity()) {}
  LineColumns columns() const { return {scale.data(), offset.data(), least}; }
  Channel scale, offset;
  float least;
};

}  // namespace

bool is_channel_table(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.dim() == 4 &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16) &&
         tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor apply_line(const at::Tensor& x, const ChannelLine& line, const at::Tensor& addend) {
  const Table table(x);
  const WideLine wide(table, line);
  at::Tensor y = at::empty_like(x);
  by_type(x, [&]<class T>(T) {
    for_each_part(table, [&](size_t, int64_t begin, int64_t rows) {
      const int64_t start = begin * table.width;
      write_line(x.const_data_ptr<T>() + start, advance(data_or_null<T>(addend), start),
                 y.mutable_data_ptr<T>() + start, wide.columns(), rows, table.width);
    });
  });
  return y;
}

Channel rough_mean(const at::Tensor& x) {
  const int64_t channels = x.size(1), rows = x.numel() / channels, samples = std::min(rows, kSamples);
  Channel mean(static_cast<size_t>(channels));
  by_type(x, [&]<class T>(T) {
    for (int64_t sample = 0; sample < samples; ++sample) {
      const T* row = x.const_data_ptr<T>() + rows * sample / samples * channels;
      for (size_t c = 0; c < mean.size(); ++c) mean[c] += static_cast<float>(row[c]) / static_cast<float>(samples);
    }
  });
  return mean;
}

ChannelSums sum_moments(const at::Tensor& x, const Channel& shift) {
  const Table table(x);
  const Channel wide = table.widen(shift);
  return by_type(x, [&]<class T>(T) {
    return sum_rows(table, [&](float* first, float* second, int64_t begin, int64_t rows) {
      add_moments(x.const_data_ptr<T>() + begin * table.width, wide.data(), first, second, rows, table.width);
    });
  });
}

ChannelSums sum_gradient(const at::Tensor& gradient, const at::Tensor& x, const ChannelLine& line,
                         const Channel& mean) {
  const Table table(x);
  const WideLine wide(table, line);
  const Channel wide_mean = table.widen(mean);
  const GradientColumns columns{.line = wide.columns(), .mean = wide_mean.data()};
  return by_type(x, [&]<class T>(T) {
    return sum_rows(table, [&](float* first, float* second, int64_t begin, int64_t rows) {
      const int64_t start = begin * table.width;
      add_gradients(gradient.const_data_ptr<T>() + start, x.const_data_ptr<T>() + start, columns, first, second, rows,
                    table.width);
    });
  });
}

at::Tensor apply_gradient(const at::Tensor& gradient, const at::Tensor& x, const ChannelLine& line, const Channel& mean,
                          const GradientLine& to) {
  const Table table(x);
  const WideLine wide(table, line);
  const Channel means = table.widen(mean), scale = table.widen(to.scale), slope = table.widen(to.slope),
                offset = table.widen(to.offset);
  const GradientColumns columns{wide.columns(), means.data(), scale.data(), slope.data(), offset.data()};
  at::Tensor result = at::empty_like(x);
  by_type(x, [&]<class T>(T) {
    for_each_part(table, [&](size_t, int64_t begin, int64_t rows) {
      const int64_t start = begin * table.width;
      write_gradient(gradient.const_data_ptr<T>() + start, x.const_data_ptr<T>() + start,
                     result.mutable_data_ptr<T>() + start, columns, rows, table.width);
    });
  });
  return result;
}

}  // namespace lockstep::nn

#pragma once

#include <cstdint>

#include <c10/util/BFloat16.h>

namespace lockstep::nn {

// The loops of channel_table.cpp over raw memory, vectorised. Rows of `width` numbers; whatever belongs to a channel
// has `width` float32, too.

/// y = max(scale x + offset, least); `least` is 0 for a relu, minus infinity without.
struct LineColumns {
  const float *scale, *offset;
  float least;
};
/// d loss / d x = scale g + slope (x - mean) + offset; g is 0 where y is `least`.
struct GradientColumns {
  LineColumns line;
  const float *mean, *scale, *slope, *offset;
};

// Add to `first` and `second`, one sum each a column: x - shift and its square; g and g (x - mean).
void add_moments(const float* x, const float* shift, float* first, float* second, int64_t rows, int64_t width);
void add_moments(const c10::BFloat16* x, const float* shift, float* first, float* second, int64_t rows, int64_t width);
void add_gradients(const float* gradient, const float* x, const GradientColumns& columns, float* first, float* second,
                   int64_t rows, int64_t width);
void add_gradients(const c10::BFloat16* gradient, const c10::BFloat16* x, const GradientColumns& columns, float* first,
                   float* second, int64_t rows, int64_t width);

// Write a row of `to` for each row; `addend` (+ y) may be null.
void write_line(const float* x, const float* addend, float* to, LineColumns columns, int64_t rows, int64_t width);
void write_line(const c10::BFloat16* x, const c10::BFloat16* addend, c10::BFloat16* to, LineColumns columns,
                int64_t rows, int64_t width);
void write_gradient(const float* gradient, const float* x, float* to, const GradientColumns& columns, int64_t rows,
                    int64_t width);
void write_gradient(const c10::BFloat16* gradient, const c10::BFloat16* x, c10::BFloat16* to,
                    const GradientColumns& columns, int64_t rows, int64_t width);

}  // namespace lockstep::nn

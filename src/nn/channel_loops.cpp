#include "channel_loops.h"

#include <bit>

#include "lockstep/core/vectorised.h"

namespace lockstep::nn {
namespace {

using c10::BFloat16;

// Inlined into each version of a loop, or it would call the plain one.
#define LOCKSTEP_INLINE [[gnu::always_inline]] inline

LOCKSTEP_INLINE float load(float value) { return value; }
LOCKSTEP_INLINE float load(BFloat16 value) { return std::bit_cast<float>(uint32_t{value.x} << 16); }
LOCKSTEP_INLINE void store(float& to, float value) { to = value; }
LOCKSTEP_INLINE void store(BFloat16& to, float value) {  // to the nearest, ties to even
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  to.x = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

struct Terms {
  float first, second;
};

/// Adds term(element, column) of all rows; four rows at a time, so that sums are loaded and stored less often.
template <class Term>
LOCKSTEP_INLINE void add_terms(float* __restrict first, float* __restrict second, int64_t rows, int64_t width,
                               const Term& term) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4)
    for (int64_t c = 0, i = row * width; c < width; ++c, ++i) {
      const Terms one = term(i, c), two = term(i + width, c);
      const Terms three = term(i + 2 * width, c), four = term(i + 3 * width, c);
      first[c] += (one.first + two.first) + (three.first + four.first);
      second[c] += (one.second + two.second) + (three.second + four.second);
    }
  for (; row < rows; ++row)
    for (int64_t c = 0, i = row * width; c < width; ++c, ++i) {
      const Terms one = term(i, c);
      first[c] += one.first;
      second[c] += one.second;
    }
}

template <class T>
LOCKSTEP_INLINE void moments(const T* __restrict x, const float* __restrict shift, float* first, float* second,
                             int64_t rows, int64_t width) {
  add_terms(first, second, rows, width, [=](int64_t i, int64_t c) __attribute__((always_inline)) {
    const float value = load(x[i]) - shift[c];
    return Terms{value, value * value};
  });
}

template <class T>
LOCKSTEP_INLINE void gradients(const T* __restrict g, const T* __restrict x, const GradientColumns& columns,
                               float* first, float* second, int64_t rows, int64_t width) {
  const float* __restrict scale = columns.line.scale, * __restrict offset = columns.line.offset;
  const float* __restrict mean = columns.mean;
  const float least = columns.line.least;
  add_terms(first, second, rows, width, [=](int64_t i, int64_t c) __attribute__((always_inline)) {
    const float value = load(x[i]), gradient = load(g[i]);
    const float passed = scale[c] * value + offset[c] > least ? gradient : 0.0f;
    return Terms{passed, passed * (value - mean[c])};
  });
}

template <class T>
LOCKSTEP_INLINE void line(const T* __restrict x, const T* __restrict addend, T* __restrict to, LineColumns columns,
                          int64_t rows, int64_t width) {
  const float* __restrict scale = columns.scale, * __restrict offset = columns.offset;
  const float least = columns.least;
  const auto write = [=](int64_t i, int64_t c, float more) __attribute__((always_inline)) {
    const float value = scale[c] * load(x[i]) + offset[c] + more;
    store(to[i], value < least ? least : value);
  };
  for (int64_t row = 0; row < rows; ++row)
    if (addend)
      for (int64_t c = 0, i = row * width; c < width; ++c, ++i) write(i, c, load(addend[i]));
    else
      for (int64_t c = 0, i = row * width; c < width; ++c, ++i) write(i, c, 0.0f);
}

template <class T>
LOCKSTEP_INLINE void gradient_line(const T* __restrict g, const T* __restrict x, T* __restrict to,
                                   const GradientColumns& columns, int64_t rows, int64_t width) {
  const float* __restrict line_scale = columns.line.scale, * __restrict line_offset = columns.line.offset;
  const float *__restrict mean = columns.mean, *__restrict scale = columns.scale, *__restrict slope = columns.slope,
                          *__restrict offset = columns.offset;
  const float least = columns.line.least;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t c = 0, i = row * width; c < width; ++c, ++i) {
      const float value = load(x[i]), gradient = load(g[i]);
      const float passed = line_scale[c] * value + line_offset[c] > least ? gradient : 0.0f;
      store(to[i], scale[c] * passed + (slope[c] * (value - mean[c]) + offset[c]));
    }
}

}  // namespace

LOCKSTEP_VECTORISED
void add_moments(const float* x, const float* shift, float* first, float* second, int64_t rows, int64_t width) {
  moments(x, shift, first, second, rows, width);
}
LOCKSTEP_VECTORISED
void add_moments(const BFloat16* x, const float* shift, float* first, float* second, int64_t rows, int64_t width) {
  moments(x, shift, first, second, rows, width);
}
LOCKSTEP_VECTORISED
void add_gradients(const float* gradient, const float* x, const GradientColumns& columns, float* first, float* second,
                   int64_t rows, int64_t width) {
  gradients(gradient, x, columns, first, second, rows, width);
}
LOCKSTEP_VECTORISED
void add_gradients(const BFloat16* gradient, const BFloat16* x, const GradientColumns& columns, float* first,
                   float* second, int64_t rows, int64_t width) {
  gradients(gradient, x, columns, first, second, rows, width);
}
LOCKSTEP_VECTORISED
void write_line(const float* x, const float* addend, float* to, LineColumns columns, int64_t rows, int64_t width) {
  line(x, addend, to, columns, rows, width);
}
LOCKSTEP_VECTORISED
void write_line(const BFloat16* x, const BFloat16* addend, BFloat16* to, LineColumns columns, int64_t rows,
                int64_t width) {
  line(x, addend, to, columns, rows, width);
}
LOCKSTEP_VECTORISED
void write_gradient(const float* gradient, const float* x, float* to, const GradientColumns& columns, int64_t rows,
                    int64_t width) {
  gradient_line(gradient, x, to, columns, rows, width);
}
LOCKSTEP_VECTORISED
void write_gradient(const BFloat16* gradient, const BFloat16* x, BFloat16* to, const GradientColumns& columns,
                    int64_t rows, int64_t width) {
  gradient_line(gradient, x, to, columns, rows, width);
}

}  // namespace lockstep::nn

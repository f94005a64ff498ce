#pragma once

#include <cstdint>
#include <span>

#include <c10/util/BFloat16.h>

namespace lockstep::nn {

// The loops of weight_gradient.cpp over raw memory, in AVX-512. Numbers are laid out in words of 32 bits: a float32, or
// a pair of bfloat16, of which AVX512-BF16 multiplies two at once: of the gradient two neighbours in a line, of the
// picture the two pixels that a place of the kernel joins to them, the first in the lower half.

constexpr int64_t kWordLane = 16;  // words of a vector
constexpr int64_t kTaps = 3;       // places of a line of the kernel
constexpr int64_t kWordRows = 8;   // channels of the gradient that a product takes at once

/// Outputs of a line in one word.
template <class Number>
constexpr int64_t kOutputsOfWord = sizeof(uint32_t) / sizeof(Number);

/// Where tap t of output i lies in its line: pixel stride i + t - pad.
struct LineGeometry {
  int64_t width, outputs, stride, pad;
};

/// A line of the gradient, `channels` a pixel, a multiple of kWordLane: to[word][channels]. An odd line of pairs ends
/// in zeros.
void lay_gradient(const float* line, const LineGeometry& g, int64_t channels, uint32_t* to);
void lay_gradient(const c10::BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to);
/// A line of the picture, `channels` a pixel, of which kWordLane are taken: to[word][kTaps][kWordLane]. Outside of the
/// line all is zero.
void lay_taps(const float* line, const LineGeometry& g, int64_t channels, uint32_t* to);
void lay_taps(const c10::BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to);

/// Two lines that meet: where they begin in the product's gradient and taps.
struct Meeting {
  int64_t gradient, taps;
};
/// to[o][t][c] += the sum over all words of all meetings of gradient[word][o] * taps[word][t][c], in their order; o
/// below kWordRows, t below kTaps, c below kWordLane.
struct WordProduct {
  const uint32_t *gradient, *taps;
  std::span<const Meeting> meetings;
  int64_t words;     ///< of a line
  int64_t channels;  ///< from one word of the gradient to the next
  float* to;
  int64_t row, tap;  ///< from one o or t to the next
};
void multiply_floats(const WordProduct& product);
void multiply_pairs(const WordProduct& product);

}  // namespace lockstep::nn

#pragma once

#include <cstdint>
#include <span>

#include <c10/util/BFloat16.h>

namespace lockstep::nn {

// The loops of weight_gradient.cpp over raw memory, in AVX512-BF16, whose one product takes pairs of numbers: here two
// neighbours in a line of the gradient, and the two pixels of the picture that a place of the kernel joins to them. A
// pair is a word of 32 bits, the first pixel in the lower half.

constexpr int64_t kPairLane = 16;  // pairs of a vector
constexpr int64_t kTaps = 3;       // places of a line of the kernel
constexpr int64_t kPairRows = 8;   // that multiply_pairs() takes at once

/// Where tap t of output i lies in its line: pixel stride i + t - pad.
struct LineGeometry {
  int64_t width, outputs, stride, pad;
  int64_t pairs() const { return (outputs + 1) / 2; }
};

/// A line of the gradient, `channels` a pixel, a multiple of kPairLane: to[pair][channels]. An odd line ends in zeros.
void pair_neighbours(const c10::BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to);
/// A line of the picture, `channels` a pixel, of which kPairLane are taken: to[pair][kTaps][kPairLane]. Outside of the
/// line all is zero.
void pair_taps(const c10::BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to);

/// Two lines that meet: where they begin in the product's neighbours and taps.
struct Meeting {
  int64_t neighbours, taps;
};
/// to[o][t][c] += the sum over all pairs of all meetings of neighbours[pair][o] * taps[pair][t][c], in their order; o
/// below kPairRows, t below kTaps, c below kPairLane.
struct PairProduct {
  const uint32_t *neighbours, *taps;
  std::span<const Meeting> meetings;
  int64_t pairs;     ///< of a line
  int64_t channels;  ///< from one pair of neighbours to the next
  float* to;
  int64_t row, tap;  ///< from one o or t to the next
};
void multiply_pairs(const PairProduct& product);

}  // namespace lockstep::nn

#pragma once

#include <array>
#include <cstdint>

namespace lockstep::nn {

// The loops of winograd.cpp over raw memory, in AVX-512. A tile is 2 x 2 pixels of one result, a patch the 4 x 4 pixels
// of the input around it. Transformed, both are 16 planes, plane p at `plane * p`. Numbers of channels are multiples of
// kLane; rows of different planes may not lie at the same distance from a multiple of 4 KiB, or the cache holds few of
// them at once.

constexpr int64_t kLane = 16;          // numbers of a vector
constexpr int64_t kPlanes = 16;        // 4 x 4
constexpr int64_t kRows = 8;           // that multiply() takes at once
constexpr int64_t kPanel = 2 * kLane;  // columns that it takes at most

using Patch = std::array<const float*, 16>;  // pixels, row by row, each with all its channels
using Tile = std::array<const float*, 4>;

// B' d B, A y A' and A' m A of F(2 x 2, 3 x 3). `to` of gather_tile() may be null: that pixel is outside of the
// picture.
void spread_patch(const Patch& from, float* to, int64_t plane, int64_t channels);
void spread_tile(const Tile& from, float* to, int64_t plane, int64_t channels);
void gather_tile(const float* from, int64_t plane, const std::array<float*, 4>& to, int64_t channels);

/// G g G' of weights [outputs][3][3][inputs], 16 x 16 of them, beginning at `from`. Vectors of outputs: to[p][i][o] for
/// input i, rows of `row` numbers.
void spread_weights(const float* from, int64_t inputs, float* to, int64_t plane, int64_t row);
/// The same of weights turned by 180 degrees, vectors of inputs: to[p][o][i].
void spread_turned_weights(const float* from, int64_t inputs, float* to, int64_t plane, int64_t row);
/// G' u G of one output's planes: `channels` inputs of to[3][3][channels].
void gather_weights(const float* from, int64_t plane, float* to, int64_t channels);

/// to[r][c] = or += the sum over s of left[r * left_row + s * left_step] * right[s * right_step + c], s in rising
/// order.
struct Product {
  const float* left;
  int64_t left_row, left_step;
  const float* right;
  int64_t right_step;
  float* to;
  int64_t to_row;
  int64_t rows, columns, steps;  ///< rows: a multiple of kRows; columns: kLane or kPanel
  bool adds;
};
void multiply(const Product& product);

}  // namespace lockstep::nn

#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace lockstep::nn {

// The loops of winograd.cpp over raw memory, in AVX-512. A tile is 2 x 2 pixels of one result, a patch the 4 x 4 pixels
// of the input around it. Numbers of channels are multiples of kLane. Transformed, tiles and patches are rows of 16
// planes of all channels, and weights 16 planes, plane p at `plane * p`. Rows may not lie a power of two apart, which
// would be one place in the cache.

constexpr int64_t kLane = 16;          // numbers of a vector
constexpr int64_t kPlanes = 16;        // 4 x 4
constexpr int64_t kRows = 8;           // that multiply() takes at once
constexpr int64_t kPanel = 2 * kLane;  // columns that it takes at most

/// From one transformed tile to the next.
constexpr int64_t tile_row(int64_t channels) { return kPlanes * channels + kLane; }

/// The pictures of a batch, NHWC, cut into tiles.
class Pictures {
 public:
  Pictures(int64_t count, int64_t height, int64_t width, int64_t channels);
  int64_t tiles() const { return tiles_; }
  int64_t channels() const { return channels_; }
  int64_t line() const { return width_ * channels_; }  ///< numbers from a pixel to the one below

  /// kSide x kSide pixels, row by row, each with all its channels, beginning `margin` before the tile; `outside` stands
  /// for those that the picture has not.
  template <int64_t kSide, class Number>
  std::array<Number*, kSide * kSide> pixels(Number* data, int64_t tile, int64_t margin, Number* outside) const {
    const int64_t picture = tile / tiles_of_picture_, place = tile % tiles_of_picture_;
    const int64_t top = 2 * (place / across_) - margin, left = 2 * (place % across_) - margin;
    int64_t first = ((picture * height_ + top) * width_ + left) * channels_;
    std::array<Number*, kSide * kSide> result;
    for (int64_t y = 0; y < kSide; ++y, first += line())
      for (int64_t x = 0; x < kSide; ++x) {
        const bool inside = is_below(top + y, height_) && is_below(left + x, width_);
        result[static_cast<size_t>(kSide * y + x)] = inside ? data + first + x * channels_ : outside;
      }
    return result;
  }
  /// A pixel of zeros.
  const float* zeros() const { return zeros_.data(); }

 private:
  static bool is_below(int64_t i, int64_t end) { return static_cast<uint64_t>(i) < static_cast<uint64_t>(end); }

  int64_t height_, width_, channels_, across_, tiles_of_picture_, tiles_;
  std::vector<float> zeros_;
};

// B' d B, A y A' and A' m A of F(2 x 2, 3 x 3), of tiles begin..end.
void spread_patches(const Pictures& from, const float* pixels, int64_t begin, int64_t end, float* to);
void spread_tiles(const Pictures& from, const float* pixels, int64_t begin, int64_t end, float* to);
void gather_tiles(const float* from, const Pictures& to, int64_t begin, int64_t end, float* pixels);

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

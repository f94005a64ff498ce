#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lockstep::image {

/// One output pixel of a row: the source pixels `first` and first + 1 with their weights, 0..2048. A pixel whose weight
/// is 0 is not looked at and may lie outside the row.
struct Tap {
  int first = 0;
  int16_t weight[2] = {};
};

/// What the processor can do; each one gives the same numbers.
enum class Instructions { kPlain, kAvx2, kAvx512 };
/// The last one of them that this processor has (kAvx512: with VBMI and VNNI).
Instructions best_instructions();

/// Blends rows of pixels with the same taps for every row: out = (a * weight[0] + b * weight[1]) >> 4 for each channel,
/// 15 bits, as OpenCV goes on with it. An output value is one channel of one output pixel.
class RowBlender {
 public:
  /// Rows have `width` pixels. Memory is used again.
  void prepare(std::span<const Tap> taps, int width, int channels, Instructions instructions);
  /// Numbers that blend() writes: taps x channels, rounded up.
  size_t output_size() const { return values_.size(); }
  void blend(const uint8_t* row, int16_t* out);

 private:
  /// So many values are made of so many bytes that are loaded at once.
  struct Window {
    size_t values = 0;
    int bytes = 0;
  };
  /// The two source pixels of an output pixel, somewhere in 8 bytes of the row.
  struct Pair {
    int place = 0, shift = 0;
  };
  void place_values(std::span<const Tap> taps, int width);
  bool find_windows(Window window, int row_bytes);
  void find_pairs(Window window, int row_bytes);
  const uint8_t* gather(const uint8_t* row);

  Instructions instructions_ = Instructions::kPlain;
  int channels_ = 0, step_ = 0;   // from the first to the second byte of a value
  std::vector<int> values_;       // the place of its first byte; those behind the last one repeat it and weigh nothing
  std::vector<int16_t> weights_;  // two a value
  // Of each window: its place in the row, and where in it the bytes of its values are, as first, 0, second, 0.
  std::vector<int> windows_;
  std::vector<uint8_t> shuffle_;
  // Where values lie further apart than a window is wide, the pairs of pixels are put side by side first.
  std::vector<Pair> pairs_;
  std::vector<uint8_t> gathered_;
};

}  // namespace lockstep::image

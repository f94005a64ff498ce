#pragma once

#include "resize.h"
#include "resize_row.h"

namespace lockstep::image {

/// For each sample of a line the source samples that it is made of, and their weights, whose sum is about 2^22:
/// Pillow's triangle, as wide as the scale.
struct Filter {
  struct Part {
    int first = 0, count = 0;
    size_t weights = 0;  ///< where its weights begin
  };
  std::vector<Part> parts;
  std::vector<int32_t> weights;

  /// For `count` target samples from `begin` on; source samples are counted from `origin` on.
  void design(int begin, int count, int source, int target, int origin);
};
constexpr int kFilterBits = 22;

/// The source samples under `count` target samples from `begin` on.
Range filter_range(int begin, int count, int source, int target);

/// Filters rows of pixels with the same filter for every row: the weighted sum of each channel, rounded to 8 bits. Each
/// of the Instructions gives the same numbers.
class RowFilter {
 public:
  /// Rows have `width` pixels. The filter must outlive the last apply(). Memory is used again.
  void prepare(const Filter& filter, int width, int channels, Instructions instructions);
  /// Writes up to kOverrun bytes behind the last pixel.
  void apply(const uint8_t* row, uint8_t* out) const;
  static constexpr size_t kOverrun = 16;

 private:
  bool find_windows();
  bool place_group(size_t begin, size_t group);
  void add_window(int place);
  void put_tap(size_t number, int place, int32_t weight);

  const Filter* filter_ = nullptr;
  int width_ = 0, channels_ = 0;
  Instructions instructions_ = Instructions::kPlain;
  // Of each 16 values (channels of output pixels), one after the other: how many windows they have, each of which holds
  // the bytes of four source pixels; of each window its place in the row, where in it the bytes are, and the weights in
  // three digits to the base of 256.
  std::vector<int> window_counts_, windows_;
  std::vector<uint8_t> shuffle_;
  std::vector<int8_t> digits_;
};

}  // namespace lockstep::image

#pragma once

#include <vector>

#include "jpeg_scan.h"

namespace lockstep::image {

/// One component of a row of MCUs: its coefficients and, once they are transformed, its samples, together with the last
/// row of samples of the strip above. Memory is kept.
class Strip {
 public:
  /// Bytes that may be read on either side of a row.
  static constexpr int kMargin = 64;

  /// For `mcus` MCUs from column `first` on.
  void lay_out(const JpegComponent& component, int first, int mcus);
  BlockTarget target();
  /// Makes samples of the coefficients. `is_first`: there is no strip above.
  void transform(bool is_first, const std::array<int16_t, 64>& quantizer);
  /// Forgets coefficients.
  void clear();
  /// Row `y` of the strip; -1: the last of the strip above. Begins at the strip's left edge. At the picture's own edges
  /// the samples beside the row repeat its first and its last.
  const uint8_t* row(int y) const { return samples_.data() + kMargin + (y + 1) * stride_; }

 private:
  void repeat_edges();

  int down_ = 1;      // rows of blocks
  size_t pairs_ = 0;  // in each
  ptrdiff_t stride_ = 0;
  int left_ = 0, right_ = 0;  // picture's edges, in samples from the strip's left one
  std::vector<BlockPair> blocks_;
  std::vector<uint8_t> samples_;
};

}  // namespace lockstep::image

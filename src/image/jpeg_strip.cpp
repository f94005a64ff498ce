#include "jpeg_strip.h"

#include <algorithm>

#include "jpeg_transform.h"

namespace lockstep::image {

void Strip::lay_out(const JpegComponent& component, int first, int mcus) {
  down_ = component.down;
  pairs_ = static_cast<size_t>(mcus * component.across + 1) / 2;
  stride_ = static_cast<ptrdiff_t>(16 * pairs_ + kMargin);
  left_ = -8 * first * component.across;
  right_ = left_ + component.width;
  // Blocks that were ever in use are zeros again, so that only new ones cost anything.
  if (blocks_.size() < pairs_ * down_) blocks_.resize(pairs_ * down_);
  if (const size_t size = kMargin + (8 * down_ + 1) * stride_; samples_.size() < size) samples_.resize(size);
}

BlockTarget Strip::target() { return {{blocks_.data(), blocks_.data() + (down_ - 1) * pairs_}}; }

void Strip::transform(bool is_first, const std::array<int16_t, 64>& quantizer) {
  uint8_t* top = samples_.data() + kMargin;
  if (!is_first) std::copy_n(top - kMargin / 2 + 8 * down_ * stride_, stride_, top - kMargin / 2);
  for (int i = 0; i < down_; ++i)
    transform_blocks(blocks_.data() + i * pairs_, pairs_, quantizer, top + (8 * i + 1) * stride_, stride_);
  repeat_edges();
}

void Strip::clear() {
  for (BlockPair& pair : blocks_) pair = {};
}

void Strip::repeat_edges() {
  const auto width = static_cast<int>(16 * pairs_);
  for (int y = 0; y < 8 * down_; ++y) {
    uint8_t* row = samples_.data() + kMargin + (y + 1) * stride_;
    if (left_ == 0) row[-1] = row[0];
    if (right_ <= width) row[right_] = row[right_ - 1];
  }
}

}  // namespace lockstep::image

#include "orientation.h"

#include <cstring>
#include <utility>

namespace lockstep::image {

Turn turn_of(int orientation) {
  const bool swap = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  return {swap, flip_x, flip_y};
}

Region stored_region(const Turn& turn, const Region& shown, int width, int height) {
  Region stored = shown;
  if (turn.swap) {
    std::swap(stored.x, stored.y);
    std::swap(stored.width, stored.height);
    std::swap(width, height);
  }
  if (turn.flip_x) stored.x = width - stored.x - stored.width;
  if (turn.flip_y) stored.y = height - stored.y - stored.height;
  return stored;
}

void turn_pixels(const Turn& turn, const Image& stored, Image& shown) {
  shown.resize(turn.swap ? stored.height : stored.width, turn.swap ? stored.width : stored.height, stored.channels);
  const size_t channels = stored.channels;
  uint8_t* to = shown.pixels.data();
  for (int y = 0; y < shown.height; ++y)
    for (int x = 0; x < shown.width; ++x, to += channels) {
      const int a = turn.swap ? y : x, b = turn.swap ? x : y;
      const size_t column = turn.flip_x ? stored.width - 1 - a : a;
      const size_t row = turn.flip_y ? stored.height - 1 - b : b;
      std::memcpy(to, stored.pixels.data() + (row * stored.width + column) * channels, channels);
    }
}

}  // namespace lockstep::image

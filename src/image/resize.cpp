#include "resize.h"

#include "resize_antialias.h"
#include "resize_filter.h"
#include "resize_linear.h"

namespace lockstep::image {

Region source_under(const Region& window, Size source, Size target, Interpolation interpolation) {
  const auto range = interpolation == Interpolation::kBilinear ? linear_range : filter_range;
  const Range across = range(window.x, window.width, source.width, target.width);
  const Range down = range(window.y, window.height, source.height, target.height);
  return {across.begin, down.begin, across.end - across.begin, down.end - down.begin};
}

void resize_window(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out) {
  const auto resize = resizing.interpolation == Interpolation::kBilinear ? resize_linear : resize_antialias;
  resize(pixels, region, resizing, out);
}

void resize_whole(const Image& in, Size target, Interpolation interpolation, Image& out) {
  out.resize(target.width, target.height, in.channels);
  const Size source{in.width, in.height};
  resize_window(in, {0, 0, in.width, in.height},
                {source, target, {0, 0, target.width, target.height}, interpolation, false}, out.pixels.data());
}

void resize_bilinear(const Image& in, int width, int height, Image& out) {
  resize_whole(in, {width, height}, Interpolation::kBilinear, out);
}

}  // namespace lockstep::image

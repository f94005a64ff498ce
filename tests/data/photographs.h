#pragma once

#include "data/toy_pictures.h"
#include "lockstep/core/rng.h"

// Pictures with something in them, made here: JPEGs large enough to have seek points.
namespace lockstep::data::toy {

inline std::vector<std::byte> make_jpeg(int number, int width = 320, int height = 240) {
  image::Image picture;
  picture.resize(width, height, 3);
  Rng rng(static_cast<uint64_t>(number), RngUse::kTest);
  for (size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<uint8_t>(i / 3 % static_cast<size_t>(width) + (rng.next() & 63));
  std::vector<std::byte> bytes;
  image::encode(picture, image::Format::kJpeg, 90, bytes);
  return bytes;
}

/// `count` of them in PREFIX.rec and .idx; the label is number % 3.
inline DatasetOptions write_photographs(const Path& prefix, int count, int first = 0) {
  record::Writer writer(prefix.string() + ".rec", prefix.string() + ".idx");
  std::vector<std::byte> payload;
  for (int i = 0; i < count; ++i) {
    const auto label = static_cast<float>(i % 3);
    record::pack(static_cast<uint64_t>(i), std::span(&label, 1), false, make_jpeg(first + i), payload);
    writer.write(static_cast<uint64_t>(i), payload);
  }
  writer.finish();
  return options_for(prefix.string() + ".rec");
}

}  // namespace lockstep::data::toy

#pragma once

#include <string>
#include <vector>

#include "lockstep/core/rng.h"
#include "lockstep/image/image.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/writer.h"

namespace lockstep::test {

/// A picture of class `label`: its own colour and stripes, with noise, so that a small network learns it in a few
/// steps.
inline image::Image toy_picture(int label, int size, uint64_t id) {
  Rng rng(42, RngUse::kTest, static_cast<uint64_t>(label), id);
  image::Image picture;
  picture.resize(size, size, 3);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      for (int c = 0; c < 3; ++c) {
        const int stripe = ((label % 2 ? x : y) / (1 + label / 2)) % 2 ? 60 : 0;
        const int colour = c == label % 3 ? 120 : 40;
        picture.pixels[static_cast<size_t>((y * size + x) * 3 + c)] =
            static_cast<uint8_t>(colour + stripe + rng.uniform_int(0, 40));
      }
  return picture;
}

/// PREFIX.rec and .idx with `count` PNG pictures of `classes` classes in turn; with `labels` multi-hot ones instead.
inline void make_toy_records(const Path& prefix, int count, int classes, int size, bool multi_label = false) {
  record::Writer writer(prefix.string() + ".rec", prefix.string() + ".idx");
  std::vector<std::byte> picture, payload;
  for (int i = 0; i < count; ++i) {
    const int label = i % classes;
    image::encode(toy_picture(label, size, static_cast<uint64_t>(i)), image::Format::kPng, 3, picture);
    std::vector<float> labels{static_cast<float>(label)};
    if (multi_label) {
      labels.assign(static_cast<size_t>(classes), 0.0f);
      labels[static_cast<size_t>(label)] = 1;
      if (i % 4 == 0) labels[static_cast<size_t>((label + 1) % classes)] = 1;
    }
    record::pack(static_cast<uint64_t>(i), labels, multi_label, picture, payload);
    writer.write(static_cast<uint64_t>(i), payload);
  }
  writer.finish();
}

}  // namespace lockstep::test

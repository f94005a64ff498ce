#pragma once

#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/core/rng.h"
#include "lockstep/image/image.h"

namespace lockstep::test {

inline void write_file(const Path& path, Bytes bytes) {
  std::filesystem::create_directories(path.parent_path());
  FileWriter file(path);
  file.write(bytes);
  file.finish();
}

inline void write_file(const Path& path, const std::string& text) { write_file(path, std::as_bytes(std::span(text))); }

/// A picture of smooth colours that depend on `seed`; PNG or JPEG by the extension.
inline void write_picture(const Path& path, int width, int height, uint64_t seed, int channels = 3) {
  Rng rng(seed, RngUse::kTest);
  const double a = rng.uniform(0.5, 4), b = rng.uniform(0.5, 4), c = rng.uniform(0, 255);
  image::Image picture;
  picture.resize(width, height, channels);
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const double x = static_cast<double>(i / static_cast<size_t>(channels) % static_cast<size_t>(width));
    const double y = static_cast<double>(i / static_cast<size_t>(channels * width));
    picture.pixels[i] =
        static_cast<uint8_t>(static_cast<int>(a * x + b * y + c * static_cast<double>(i % 3 + 1)) % 256);
  }
  const bool png = path.extension() == ".png";
  std::vector<std::byte> bytes;
  image::encode(picture, png ? image::Format::kPng : image::Format::kJpeg, png ? 3 : 90, bytes);
  write_file(path, bytes);
}

}  // namespace lockstep::test

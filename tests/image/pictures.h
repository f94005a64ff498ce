#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>  // jpeglib.h wants FILE
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <jpeglib.h>
#include <opencv2/imgcodecs.hpp>

#include "lockstep/core/rng.h"
#include "lockstep/image/image.h"
#include "support/outside.h"

namespace lockstep::test {

/// A picture with soft colours, hard edges and grain, different for each seed.
inline image::Image make_picture(int width, int height, int channels = 3, uint64_t seed = 1) {
  image::Image picture;
  picture.resize(width, height, channels);
  Rng rng(seed, RngUse::kTest);
  const double tilt = rng.uniform(0.01, 0.1);
  uint8_t* pixel = picture.pixels.data();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        const double wave = 110 + 90 * std::sin(tilt * (x * (c + 1) + y * (3 - c)));
        const double edge = (x / 13 + y / 7) % 3 == c ? 35 : 0;
        *pixel++ = static_cast<uint8_t>(std::clamp(wave + edge + rng.uniform(-20, 20), 0.0, 255.0));
      }
  return picture;
}

struct JpegOptions {
  J_COLOR_SPACE space = JCS_YCbCr;   // JCS_RGB, JCS_GRAYSCALE, JCS_CMYK, JCS_YCCK
  int horizontal = 2, vertical = 2;  // sampling factors of the first component
  bool progressive = false, arithmetic = false;
  int restart_rows = 0;
  int orientation = 0;  // 0: no EXIF
  int quality = 85;
  bool optimised = false;  // Huffman codes made for the picture
  int restart_mcus = 0;
};

/// The picture has 1, 3 or (CMYK) 4 channels.
inline std::vector<std::byte> write_jpeg(const image::Image& picture, const JpegOptions& options = {}) {
  jpeg_error_mgr errors;
  jpeg_compress_struct info;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = picture.width;
  info.image_height = picture.height;
  info.input_components = picture.channels;
  info.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : picture.channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, options.space);
  jpeg_set_quality(&info, options.quality, TRUE);
  if (picture.channels > 1) {
    info.comp_info[0].h_samp_factor = options.horizontal;
    info.comp_info[0].v_samp_factor = options.vertical;
    for (int c = 1; c < info.num_components; ++c) info.comp_info[c].h_samp_factor = info.comp_info[c].v_samp_factor = 1;
  }
  info.arith_code = options.arithmetic;
  info.optimize_coding = options.optimised;
  info.restart_in_rows = options.restart_rows;
  info.restart_interval = options.restart_mcus;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (options.orientation) {
    // A big-endian TIFF header and a directory of one entry: tag 0x112, SHORT, one value.
    const uint8_t exif[] = {
        'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, 42, 0, 0, 0,
        8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,  1, 0, static_cast<uint8_t>(options.orientation),
        0,   0,   0,   0,   0,    0};
    jpeg_write_marker(&info, JPEG_APP0 + 1, exif, sizeof exif);
  }
  while (info.next_scanline < info.image_height) {
    auto* row =
        const_cast<uint8_t*>(picture.pixels.data()) + size_t{1} * info.next_scanline * picture.width * picture.channels;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(memory);
  std::vector<std::byte> bytes(first, first + size);
  std::free(memory);
  return bytes;
}

inline image::Image cut(const image::Image& whole, const image::Region& region) {
  image::Image part;
  part.resize(region.width, region.height, whole.channels);
  const size_t row_bytes = size_t{1} * region.width * whole.channels;
  for (int y = 0; y < region.height; ++y) {
    const size_t from = (size_t{1} * (region.y + y) * whole.width + region.x) * whole.channels;
    std::copy_n(whole.pixels.begin() + from, row_bytes, part.pixels.begin() + y * row_bytes);
  }
  return part;
}

inline image::Image decode_part(Bytes bytes, const image::Region& region, int channels = 3) {
  const image::Header header = image::probe(bytes, int64_t{1} << 28);
  image::Image out;
  image::decode(bytes, {}, header, region, channels, out);
  return out;
}

inline image::Image decode_all(Bytes bytes, int channels = 3) {
  const image::Header header = image::probe(bytes, int64_t{1} << 28);
  return decode_part(bytes, {0, 0, header.width, header.height}, channels);
}

/// A place and size inside the picture; corners, edges and single pixels are frequent.
inline image::Region draw_region(int width, int height, Rng& rng) {
  const auto side = [&](int limit) {
    if (rng.bernoulli(0.2)) return 1;
    return rng.bernoulli(0.2) ? limit : static_cast<int>(rng.uniform_int(1, limit));
  };
  const auto place = [&](int room) {
    if (rng.bernoulli(0.2)) return 0;
    return rng.bernoulli(0.2) ? room : static_cast<int>(rng.uniform_int(0, room));
  };
  const int w = side(width), h = side(height);
  return {place(width - w), place(height - h), w, h};
}

/// OpenCV's own decode in RGB, the reference for every full decode; empty where it fails.
inline image::Image opencv_decode(Bytes bytes, int channels) {
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<std::byte*>(bytes.data()));
  const cv::Mat bgr = cv::imdecode(input, channels == 1 ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR);
  if (bgr.empty()) return {};
  image::Image out;
  out.resize(bgr.cols, bgr.rows, channels);
  if (channels == 1)
    std::memcpy(out.pixels.data(), bgr.data, out.pixels.size());
  else
    for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = bgr.data[i / 3 * 3 + 2 - i % 3];
  return out;
}

/// Decodes random regions, each of which must equal that part of the whole decode.
inline void expect_equal_regions(Bytes bytes, int channels, int count, const std::string& what) {
  const image::Image whole = decode_all(bytes, channels);
  Rng rng(7, RngUse::kTest, 0, bytes.size());
  for (int i = 0; i < count; ++i) {
    const image::Region region = draw_region(whole.width, whole.height, rng);
    ASSERT_EQ(decode_part(bytes, region, channels).pixels, cut(whole, region).pixels)
        << what << " " << whole.width << "x" << whole.height << ", region " << region.width << "x" << region.height
        << "+" << region.x << "+" << region.y << ", channels " << channels;
  }
}

/// Up to `count` files below a folder of the test pictures, evenly spread over all of them in order of path.
inline std::vector<std::filesystem::path> real_pictures(const std::string& folder, size_t count) {
  std::vector<std::filesystem::path> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_folder() / folder))
    if (entry.is_regular_file() && entry.path().extension() != ".md" && entry.path().extension() != ".csv")
      all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  std::vector<std::filesystem::path> chosen;
  for (size_t i = 0; i < std::min(count, all.size()); ++i)
    chosen.push_back(all[i * all.size() / std::min(count, all.size())]);
  return chosen;
}

}  // namespace lockstep::test

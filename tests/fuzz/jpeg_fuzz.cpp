// libFuzzer target: libjpeg is the oracle of our JPEG decoder. Whatever ours decodes, libjpeg decodes to the same
// pixels, with and without seek points; damaged seek points give some picture or none, and nothing worse.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I src/image -I /usr/include/opencv4
//     tests/fuzz/jpeg_fuzz.cpp
//     src/image/*.cpp src/core/error.cpp src/core/text.cpp src/core/rng.cpp -ljpeg -lopencv_core -lopencv_imgproc
//     -lopencv_imgcodecs
//   ./a.out -rss_limit_mb=4096 CORPUS_FOLDER
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "jpeg_baseline.h"
#include "libjpeg.h"

namespace {

using namespace lockstep;
using namespace lockstep::image;

constexpr int64_t kMaxPixels = 1 << 20;

Region part_of(int width, int height, size_t seed) {
  const int x = static_cast<int>(seed % width), y = static_cast<int>(seed / 7 % height);
  return {x, y, 1 + static_cast<int>(seed / 3 % (width - x)), 1 + static_cast<int>(seed / 5 % (height - y))};
}

bool is_part(const Image& part, const Region& region, const Image& whole) {
  const size_t row_bytes = size_t{1} * region.width * whole.channels;
  for (int y = 0; y < region.height; ++y)
    if (std::memcmp(part.pixels.data() + y * row_bytes,
                    whole.pixels.data() + ((region.y + y) * size_t{1} * whole.width + region.x) * whole.channels,
                    row_bytes) != 0)
      return false;
  return true;
}

void check(Bytes bytes, int width, int height, size_t seed) {
  const int channels = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 3 : 4;
  const Region region = seed % 2 ? part_of(width, height, seed * 2654435761U) : Region{0, 0, width, height};
  Image part, whole;
  if (!decode_baseline(bytes, {}, width, height, region, channels, part)) return;
  decode_by_libjpeg(bytes, width, height, 1, {0, 0, width, height}, channels, whole);
  if (!is_part(part, region, whole)) std::abort();
  auto index = index_scan(bytes);
  if (index.empty()) return;
  if (!decode_baseline(bytes, index, width, height, region, channels, part)) std::abort();
  if (!is_part(part, region, whole)) std::abort();
  for (size_t i = 5; i < index.size(); i += 1 + seed % 11) index[i] ^= bytes[(seed + i * i) % bytes.size()];
  decode_baseline(bytes, index, width, height, region, channels, part);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  try {
    const Header header = probe(bytes, kMaxPixels);
    if (header.format != Format::kJpeg) return 0;
    const bool lies = header.orientation >= 5;
    size_t seed = size;
    for (std::byte byte : bytes.last(std::min<size_t>(size, 64))) seed = seed * 31 + std::to_integer<size_t>(byte);
    check(bytes, lies ? header.height : header.width, lies ? header.width : header.height, seed);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) std::abort();
  }
  return 0;
}

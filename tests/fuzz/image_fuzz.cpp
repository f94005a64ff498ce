// libFuzzer target: any bytes are a picture or a data Error, in every part of them and with every number of channels.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I /usr/include/opencv4
//   tests/fuzz/image_fuzz.cpp
//     src/image/*.cpp src/core/error.cpp src/core/text.cpp src/core/rng.cpp -ljpeg -lopencv_core -lopencv_imgproc
//     -lopencv_imgcodecs
//   ./a.out -rss_limit_mb=4096 CORPUS_FOLDER
#include <cstdint>
#include <cstdlib>

#include "lockstep/image/image.h"

namespace {

constexpr int64_t kMaxPixels = 1 << 20;

/// A region that is small, somewhere, and the same for the same input.
lockstep::image::Region part_of(const lockstep::image::Header& header, size_t seed) {
  const int x = static_cast<int>(seed % header.width), y = static_cast<int>(seed / 7 % header.height);
  return {x, y, 1 + static_cast<int>(seed / 3 % (header.width - x)),
          1 + static_cast<int>(seed / 5 % (header.height - y))};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lockstep::Bytes bytes = std::as_bytes(std::span(data, size));
  lockstep::image::Image picture;
  try {
    const auto header = lockstep::image::probe(bytes, kMaxPixels);
    lockstep::image::decode(bytes, {}, header, part_of(header, size),
                            size % 3 == 0   ? 1
                            : size % 3 == 1 ? 3
                                            : 4,
                            picture);
  } catch (const lockstep::Error& error) {
    if (error.kind() != lockstep::ErrorKind::kData) std::abort();
  }
  return 0;
}

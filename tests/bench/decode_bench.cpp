// How fast one thread decodes the pictures of a folder: whole, and only what a random 224 crop needs.
//   decode_bench FOLDER [ROUNDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "lockstep/core/file.h"
#include "lockstep/image/plan.h"

namespace {

using namespace lockstep;

struct Picture {
  std::vector<std::byte> bytes;
  image::Header header;
};

std::vector<Picture> read_pictures(const Path& folder) {
  std::vector<Picture> pictures;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    try {
      auto bytes = read_bytes(entry.path());
      const auto header = image::probe(bytes, 1 << 26);
      pictures.push_back({std::move(bytes), header});
    } catch (const Error&) {  // no picture
    }
  }
  return pictures;
}

using Work = std::function<void(const Picture&, size_t sample)>;

void measure(const char* name, const std::vector<Picture>& pictures, int rounds, const Work& work) {
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < pictures.size(); ++i) work(pictures[i], i + (round + 1) * pictures.size());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (round >= 0) std::printf("%-28s images/s: %.0f\n", name, static_cast<double>(pictures.size()) / seconds.count());
  }
}

Work planned(const image::PlanOptions& options) {
  return [=, pixels = image::Image(), out = std::vector<uint8_t>(size_t{3} * 224 * 224)](const Picture& picture,
                                                                                         size_t sample) mutable {
    const auto plan = image::plan(picture.header, Rng(1, RngUse::kAugment, 0, sample), options);
    image::decode(picture.bytes, {}, picture.header, plan.region, 3, pixels);
    image::apply(plan, pixels, options, out);
  };
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::puts("decode_bench FOLDER [ROUNDS]"), 2;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
  const auto pictures = read_pictures(arguments[1]);
  std::printf("%zu pictures, one thread\n", pictures.size());
  measure("whole", pictures, rounds, [pixels = image::Image()](const Picture& picture, size_t) mutable {
    image::decode(picture.bytes, {}, picture.header, {0, 0, picture.header.width, picture.header.height}, 3, pixels);
  });
  measure("224 crop", pictures, rounds, planned({.augmentation = image::Augmentation::kCrop}));
  measure("resize 256, 224 crop", pictures, rounds,
          planned({.resize = 256, .augmentation = image::Augmentation::kCrop}));
  measure("resize 256, crop, colour", pictures, rounds,
          planned({.resize = 256, .augmentation = image::Augmentation::kCropColor}));
  measure("crop_color_transform", pictures, rounds,
          planned({.resize = 256, .augmentation = image::Augmentation::kCropColorTransform}));
}

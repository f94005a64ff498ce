// How fast one thread decodes the JPEGs of a folder: whole, and random resized crops (8..100 % of the area, 3:4..4:3)
// in several ways, without the resize; then whole training samples, decoded and transformed. The ways take turns in
// each round; what is printed is the median over the rounds of images per second of the thread's own time
// (lowest-highest).
//   decode_bench FOLDER [ROUNDS]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <time.h>

#include "libjpeg.h"
#include "lockstep/core/file.h"
#include "lockstep/image/plan.h"

namespace {

using namespace lockstep;

struct Picture {
  std::vector<std::byte> bytes, seek_points;
  image::Header header;
};

/// Pictures that lie as they are stored.
std::vector<Picture> read_pictures(const Path& folder) {
  std::vector<Picture> pictures;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    try {
      auto bytes = read_bytes(entry.path());
      const auto header = image::probe(bytes, 1 << 26);
      if (header.format != image::Format::kJpeg || header.orientation != 1) continue;
      auto seek_points = image::index_scan(bytes);
      pictures.push_back({std::move(bytes), std::move(seek_points), header});
    } catch (const Error&) {  // no picture
    }
  }
  return pictures;
}

image::Region whole_of(const image::Header& header) { return {0, 0, header.width, header.height}; }

/// The usual crop for training: ten tries, then the largest square in the middle.
image::Region draw_crop(const image::Header& header, Rng rng) {
  for (int i = 0; i < 10; ++i) {
    const double area = rng.uniform(0.08, 1) * header.width * header.height;
    const double ratio = std::exp(rng.uniform(std::log(3 / 4.0), std::log(4 / 3.0)));
    const auto width = static_cast<int>(std::lround(std::sqrt(area * ratio)));
    const auto height = static_cast<int>(std::lround(std::sqrt(area / ratio)));
    if (width < 1 || height < 1 || width > header.width || height > header.height) continue;
    return {static_cast<int>(rng.uniform_int(0, header.width - width)),
            static_cast<int>(rng.uniform_int(0, header.height - height)), width, height};
  }
  const int side = std::min(header.width, header.height);
  return {(header.width - side) / 2, (header.height - side) / 2, side, side};
}

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Way {
  const char* name;
  std::function<void(const Picture&, const image::Region& crop, size_t sample)> work;
  std::vector<double> rates;
};

void measure(const std::vector<Picture>& pictures, int rounds, std::vector<Way>& ways) {
  size_t sample = 0;
  for (int round = -1; round < rounds; ++round, sample += pictures.size()) {  // the first warms up
    std::vector<image::Region> crops;
    for (size_t i = 0; i < pictures.size(); ++i)
      crops.push_back(draw_crop(pictures[i].header, Rng(1, RngUse::kAugment, 0, sample + i)));
    for (Way& way : ways) {
      const double start = thread_seconds();
      for (size_t i = 0; i < pictures.size(); ++i) way.work(pictures[i], crops[i], sample + i);
      if (round >= 0) way.rates.push_back(static_cast<double>(pictures.size()) / (thread_seconds() - start));
    }
  }
  for (Way& way : ways) {
    std::ranges::sort(way.rates);
    std::printf("%-34s %6.0f (%.0f-%.0f)\n", way.name, way.rates[way.rates.size() / 2], way.rates.front(),
                way.rates.back());
  }
}

Way planned(const char* name, const image::PlanOptions& options) {
  return {name, [=, pixels = image::Image(), out = std::vector<uint8_t>(size_t{3} * 224 * 224)](
                    const Picture& picture, const image::Region&, size_t sample) mutable {
            const auto plan = image::plan(picture.header, Rng(1, RngUse::kAugment, 0, sample), options);
            image::decode(picture.bytes, {}, picture.header, plan.region, 3, pixels);
            image::apply(plan, pixels, options, out);
          }};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::puts("decode_bench FOLDER [ROUNDS]"), 2;
  const int rounds = std::max(1, count > 2 ? std::atoi(arguments[2]) : 5);
  const auto pictures = read_pictures(arguments[1]);
  size_t bytes = 0, index_bytes = 0;
  for (const Picture& picture : pictures) {
    bytes += picture.bytes.size();
    index_bytes += picture.seek_points.size();
  }
  std::printf("%zu pictures, %zu bytes, seek points %zu bytes; one thread, images/s\n", pictures.size(), bytes,
              index_bytes);
  using image::Augmentation;
  image::Image out;
  const auto libjpeg = [&](const Picture& p, const image::Region& region) {
    image::decode_by_libjpeg(p.bytes, p.header.width, p.header.height, 1, region, 3, out);
  };
  std::vector<Way> ways{
      {"whole, libjpeg", [&](const Picture& p, const image::Region&, size_t) { libjpeg(p, whole_of(p.header)); }},
      {"whole", [&](const Picture& p, const image::Region&,
                    size_t) { image::decode(p.bytes, {}, p.header, whole_of(p.header), 3, out); }},
      {"crop, libjpeg partial", [&](const Picture& p, const image::Region& crop, size_t) { libjpeg(p, crop); }},
      {"crop", [&](const Picture& p, const image::Region& crop,
                   size_t) { image::decode(p.bytes, {}, p.header, crop, 3, out); }},
      {"crop with seek points", [&](const Picture& p, const image::Region& crop,
                                    size_t) { image::decode(p.bytes, p.seek_points, p.header, crop, 3, out); }},
      {"finding seek points", [&](const Picture& p, const image::Region&, size_t) { image::index_scan(p.bytes); }},
      planned("sample: 224 crop", {.augmentation = Augmentation::kCrop}),
      planned("sample: resize 256, 224 crop", {.resize = 256, .augmentation = Augmentation::kCrop}),
      planned("sample: resize 256, crop, colour", {.resize = 256, .augmentation = Augmentation::kCropColor}),
      planned("sample: crop_color_transform", {.resize = 256, .augmentation = Augmentation::kCropColorTransform})};
  measure(pictures, rounds, ways);
}

#include "sample_decoder.h"

#include <algorithm>
#include <chrono>
#include <ranges>
#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"
#include "lockstep/data/cache.h"

namespace lockstep::data {
namespace {

/// Seconds from one next() to the following.
class Laps {
 public:
  double next() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// So that waiting for the disk counts as reading and not as decoding.
void touch(Bytes bytes) {
  constexpr size_t kPage = 4096;
  const volatile std::byte* const begin = bytes.data();
  for (size_t i = 0; i < bytes.size(); i += kPage) static_cast<void>(std::to_integer<int>(begin[i]));
}

void cut(const image::Image& whole, const image::Region& region, image::Image& out) {
  out.resize(region.width, region.height, whole.channels);
  const size_t from = size_t{1} * whole.width * whole.channels, to = size_t{1} * region.width * whole.channels;
  for (size_t y = 0; y < static_cast<size_t>(region.height); ++y)
    std::copy_n(&whole.pixels[(y + region.y) * from + size_t{1} * region.x * whole.channels], to, &out.pixels[y * to]);
}

}  // namespace

SampleDecoder::SampleDecoder(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset), options_(options), label_map_(options.label_map) {
  if (std::ranges::equal(label_map_, std::views::iota(0, static_cast<int>(label_map_.size())))) label_map_.clear();
  if (label_map_.empty() || dataset.label_width() == 1) return;
  std::vector<int> sorted = label_map_;
  std::ranges::sort(sorted);
  require(std::ranges::equal(sorted, std::views::iota(0, dataset.label_width())), ErrorKind::kBug, "a map of ",
          label_map_.size(), " labels is no permutation of the dataset's ", dataset.label_width());
}

void SampleDecoder::decode(int64_t epoch, int64_t id, Scratch& scratch, std::span<uint8_t> pixels,
                           std::span<float> labels) const {
  Sample& sample = scratch.sample;
  LoaderTimes& times = scratch.times;
  Laps laps;
  read(id, sample);
  try {
    times.read += laps.next();
    const auto header = image::probe(sample.bytes, options_.max_pixels);
    const Rng rng(options_.seed, RngUse::kAugment, static_cast<uint64_t>(epoch), static_cast<uint64_t>(id));
    const auto plan = image::plan(header, rng, options_.plan);
    times.plan += laps.next();
    decode_region(id, header, plan, scratch);
    times.decode += laps.next();
    image::apply(plan, scratch.image, options_.plan, pixels);
    put_labels(sample, labels);
    times.apply += laps.next();
    ++times.samples;
  } catch (const Error& error) {
    fail(error.kind(), sample.name, ": ", error.what());
  } catch (const std::exception& error) {
    fail(ErrorKind::kBug, sample.name, ": ", error.what());
  }
}

void SampleDecoder::read(int64_t id, Sample& sample) const {
  dataset_.read(static_cast<size_t>(id), sample);
  if (!options_.cache || !options_.cache->find(options_.cached_from + static_cast<size_t>(id))) touch(sample.bytes);
}

/// plan.region into scratch.image. A picture that is decoded at less than its size is not in the cache.
void SampleDecoder::decode_region(int64_t id, const image::Header& header, const image::Plan& plan,
                                  Scratch& scratch) const {
  const Sample& sample = scratch.sample;
  const int channels = options_.plan.channels;
  PictureCache* const cache = plan.shrink == 1 ? options_.cache.get() : nullptr;
  const size_t number = options_.cached_from + static_cast<size_t>(id);
  if (const image::Image* kept = cache ? cache->find(number) : nullptr) {
    cut(*kept, plan.region, scratch.image);
  } else if (cache && cache->has_room(header.width, header.height, channels)) {
    image::decode(sample.bytes, sample.seek_points, header, {0, 0, header.width, header.height}, channels,
                  scratch.whole);
    cache->put(number, scratch.whole);
    cut(scratch.whole, plan.region, scratch.image);
  } else {
    image::decode_shrunk(sample.bytes, sample.seek_points, header, plan.shrink, plan.region, channels, scratch.image);
  }
}

void SampleDecoder::put_labels(const Sample& sample, std::span<float> labels) const {
  require(sample.labels.size() == labels.size(), ErrorKind::kData, sample.labels.size(),
          " labels where the dataset has ", labels.size());
  if (label_map_.empty()) {
    std::ranges::copy(sample.labels, labels.begin());
  } else if (labels.size() == 1) {
    const auto label = static_cast<size_t>(sample.labels.front());
    require(label < label_map_.size(), ErrorKind::kData, "label ", sample.labels.front(), " where ", label_map_.size(),
            " classes have names");
    labels.front() = static_cast<float>(label_map_[label]);
  } else {
    for (size_t j = 0; j < labels.size(); ++j) labels[static_cast<size_t>(label_map_[j])] = sample.labels[j];
  }
}

}  // namespace lockstep::data

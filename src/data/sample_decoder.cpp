#include "sample_decoder.h"

#include <algorithm>
#include <ranges>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"

namespace lockstep::data {

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
  dataset_.read(static_cast<size_t>(id), sample);
  try {
    const auto header = image::probe(sample.bytes, options_.max_pixels);
    const Rng rng(options_.seed, RngUse::kAugment, static_cast<uint64_t>(epoch), static_cast<uint64_t>(id));
    const auto plan = image::plan(header, rng, options_.plan);
    image::decode(sample.bytes, sample.seek_points, header, plan.region, options_.plan.channels, scratch.image);
    image::apply(plan, scratch.image, options_.plan, pixels);
    put_labels(sample, labels);
  } catch (const Error& error) {
    fail(error.kind(), sample.name, ": ", error.what());
  } catch (const std::exception& error) {
    fail(ErrorKind::kBug, sample.name, ": ", error.what());
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

#pragma once

#include <span>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/data/loader.h"

namespace lockstep::data {

/// Turns a sample into its place in a batch: read, probe, plan, decode, transform, map the label. A function of (seed,
/// epoch, id). Any thread, each with its own Scratch.
class SampleDecoder {
 public:
  /// Both must outlive the decoder. Bug Error for a label_map that does not fit the dataset.
  SampleDecoder(const Dataset& dataset, const LoaderOptions& options);

  /// Memory that is used again for the next sample, and the seconds (samples, read to apply) of all so far.
  struct Scratch {
    Sample sample;
    image::Image image, whole;
    LoaderTimes times;
  };
  /// `pixels` [height, width, channels], `labels` [label_width]. Error naming the sample.
  void decode(int64_t epoch, int64_t id, Scratch& scratch, std::span<uint8_t> pixels, std::span<float> labels) const;

 private:
  void read(int64_t id, Sample& sample) const;
  void decode_region(int64_t id, const image::Header& header, const image::Plan& plan, Scratch& scratch) const;
  void put_labels(const Sample& sample, std::span<float> labels) const;

  const Dataset& dataset_;
  const LoaderOptions& options_;
  std::vector<int> label_map_;  // empty: labels stay as they are
};

}  // namespace lockstep::data

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// What reading one sample told.
struct SampleFacts {
  uint64_t content = 0;  ///< hash of the encoded picture
  int width = 0, height = 0;
  image::Format format = image::Format::kOther;
  bool is_readable = false;
  bool is_cut_off = false;  ///< the picture's last bytes are not those of its format
  std::vector<float> labels;
};

/// A sample that is wrong, and why.
struct Problem {
  size_t sample;
  std::string text;
};

struct Scan {
  std::vector<SampleFacts> samples;
  std::vector<Problem> problems;  ///< in the order of the samples
  uint64_t bytes = 0;
};

/// Reads every sample on `threads` threads: its header and its end, or with `decode` every pixel. `name` is for the
/// progress line.
Scan scan(const Dataset& dataset, const std::string& name, bool decode, int64_t max_pixels, int threads);

}  // namespace lockstep::data

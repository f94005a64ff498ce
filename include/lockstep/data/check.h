#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/track/events.h"

namespace lockstep::data {

/// A channel to check, by the name that messages give it.
struct CheckedChannel {
  std::string name;
  DatasetOptions open;
};

struct CheckOptions {
  std::vector<CheckedChannel> channels;  ///< the first is what is trained on
  /// What the data are compared with: image_shape, resize, and where `is_whole` also num_classes, num_training_samples
  /// and mini_batch_size, as training would.
  Config config;
  bool is_whole = false;
  bool decode = false;  ///< every pixel; otherwise headers and the ends of the pictures
  int threads = 0;      ///< 0: available cores
};

enum class Severity {
  kFails,     ///< training would end with an error
  kDoubtful,  ///< training would run, and its result would suffer or deceive
  kAdvice     ///< it could be faster or better
};

struct Finding {
  Severity severity = Severity::kAdvice;
  std::string channel;  ///< empty: all of them
  std::string text;     ///< what, how many, the first few by name, what to do
};

/// What one channel holds.
struct ChannelReport {
  std::string name;
  int64_t samples = 0, unreadable = 0;
  uint64_t bytes = 0;  ///< of pictures
  std::vector<std::string> class_names;
  std::vector<int64_t> class_counts;       ///< samples of each class; multi-label: that carry the label
  std::map<std::string, int64_t> formats;  ///< "JPEG" -> pictures
  /// Shorter sides in pixels: the smallest, the middle one, the largest. 0 where there is no picture.
  int smallest_side = 0, median_side = 0, largest_side = 0;
  int64_t enlarged = 0;  ///< pictures smaller than the network's input, or than `resize`
  /// The largest class through the smallest that has samples; 1 for balanced data.
  double imbalance() const;
};

struct CheckReport {
  std::vector<ChannelReport> channels;
  std::vector<Finding> findings;  ///< what fails first
  double seconds = 0;
  bool would_fail() const;
};

/// Reads every sample of every channel once, in parallel, with progress on a terminal. Nothing that is wrong with a
/// sample is thrown: it is a finding. Errors: a channel that cannot be opened at all.
CheckReport check(const CheckOptions& options);

std::string to_text(const CheckReport& report);    ///< for people
track::Event to_event(const CheckReport& report);  ///< for `--json`
std::string chart_of(const CheckReport& report);   ///< SVG: samples of each class in each channel

}  // namespace lockstep::data

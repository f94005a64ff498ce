#pragma once

#include <vector>

#include "check_scan.h"
#include "lockstep/data/check.h"

namespace lockstep::data {

/// A channel that was read.
struct ScannedChannel {
  std::string name;
  std::unique_ptr<Dataset> dataset;
  Scan scan;
  std::vector<int> label_map;  ///< its labels in those of the first channel; empty: the same
};

ChannelReport summarise(const ScannedChannel& channel, const Config& config);

/// What is wrong or doubtful with one channel by itself.
std::vector<Finding> examine(const ScannedChannel& channel, const ChannelReport& report, const Config& config);

/// What is wrong between the first channel and the others: pictures in both, labels that the first does not know.
std::vector<Finding> compare(const std::vector<ScannedChannel>& channels, const std::vector<ChannelReport>& reports);

}  // namespace lockstep::data

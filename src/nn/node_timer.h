#pragma once

#include <chrono>

#include <c10/core/Device.h>

#include "lockstep/nn/network.h"

namespace lockstep::nn {

/// Times a node for as long as it lives, a GPU's work included; does nothing without a listener.
class NodeTimer {
 public:
  NodeTimer(const OnNode& on_node, const model::Node& node, bool backward, at::Device device);
  ~NodeTimer();
  NodeTimer(const NodeTimer&) = delete;
  NodeTimer& operator=(const NodeTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  const OnNode& on_node_;
  const model::Node& node_;
  bool backward_;
  at::Device device_;
  Clock::time_point start_;
};

}  // namespace lockstep::nn

#pragma once

#include <chrono>
#include <memory>

#include <c10/core/Device.h>

#include "lockstep/nn/network.h"

namespace lockstep::nn {

/// Tells a listener how long each node takes; does nothing without one. On a GPU a node's time is that between two
/// events around it in the stream: what the GPU took, and what it waited for the host in between. Nodes inside a step
/// that is being recorded as a CUDA graph are not timed.
class NodeTimer {
 public:
  explicit NodeTimer(at::Device device);
  ~NodeTimer();
  NodeTimer(NodeTimer&&) = delete;

  /// From now on; empty: nobody.
  void listen(OnNode on_node);

  /// Times a node for as long as it lives.
  class [[nodiscard]] Span {
   public:
    Span(NodeTimer& timer, const model::Node& node, bool backward);
    ~Span();
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    using Clock = std::chrono::steady_clock;
    NodeTimer& timer_;
    const model::Node& node_;
    bool backward_;
    Clock::time_point start_;
  };

  /// At the end of a pass. On a CPU the listener has been told node by node; on a GPU it is told here, after waiting
  /// for the last of them.
  void tell();

 private:
  struct Events;
  at::Device device_;
  OnNode on_node_;
  std::unique_ptr<Events> events_;
};

}  // namespace lockstep::nn

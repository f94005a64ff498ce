#include "node_timer.h"

#include <utility>
#include <vector>

#ifdef LOCKSTEP_CUDA
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace lockstep::nn {

#ifdef LOCKSTEP_CUDA

struct NodeTimer::Events {
  struct Pair {
    const model::Node* node;
    bool backward;
    c10::cuda::CUDAEvent begin{cudaEventDefault}, end{cudaEventDefault};  // the default ones keep the time
  };
  std::vector<Pair> pairs;  // of this pass; the last one may still be open
  bool open = false;

  void begin(const model::Node& node, bool backward, at::Device device) {
    open = c10::cuda::currentStreamCaptureStatusMayInitCtx() == c10::cuda::CaptureStatus::None;
    if (!open) return;
    Pair& pair = pairs.emplace_back(&node, backward);
    pair.begin.record(c10::cuda::getCurrentCUDAStream(device.index()));
  }
  // Called from a destructor; what is wrong with the GPU is said by the next call.
  void end(at::Device device) noexcept {
    if (!std::exchange(open, false)) return;
    try {
      pairs.back().end.record(c10::cuda::getCurrentCUDAStream(device.index()));
    } catch (const c10::Error&) {
      pairs.pop_back();
    }
  }
};

#else

struct NodeTimer::Events {};

#endif

NodeTimer::NodeTimer(at::Device device) : device_(device) {}
NodeTimer::~NodeTimer() = default;

void NodeTimer::listen(OnNode on_node) {
  on_node_ = std::move(on_node);
  events_ = on_node_ && device_.is_cuda() ? std::make_unique<Events>() : nullptr;
}

NodeTimer::Span::Span(NodeTimer& timer, const model::Node& node, bool backward)
    : timer_(timer), node_(node), backward_(backward) {
  if (!timer.on_node_) return;
#ifdef LOCKSTEP_CUDA
  if (timer.events_) timer.events_->begin(node, backward, timer.device_);
#endif
  start_ = Clock::now();
}

NodeTimer::Span::~Span() {
  if (!timer_.on_node_) return;
#ifdef LOCKSTEP_CUDA
  if (timer_.events_) {
    timer_.events_->end(timer_.device_);
    return;
  }
#endif
  timer_.on_node_(node_, backward_, std::chrono::duration<double>(Clock::now() - start_).count());
}

void NodeTimer::tell() {
#ifdef LOCKSTEP_CUDA
  if (!events_) return;
  for (const Events::Pair& pair : std::exchange(events_->pairs, {})) {
    pair.end.synchronize();
    on_node_(*pair.node, pair.backward, static_cast<double>(pair.begin.elapsed_time(pair.end)) / 1e3);
  }
#endif
}

}  // namespace lockstep::nn

#include "node_timer.h"

#include <ATen/detail/CUDAHooksInterface.h>

namespace lockstep::nn {

NodeTimer::NodeTimer(const OnNode& on_node, const model::Node& node, bool backward, at::Device device)
    : on_node_(on_node), node_(node), backward_(backward), device_(device) {
  if (on_node_) start_ = Clock::now();
}

NodeTimer::~NodeTimer() {
  if (!on_node_) return;
  if (device_.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device_.index());
  on_node_(node_, backward_, std::chrono::duration<double>(Clock::now() - start_).count());
}

}  // namespace lockstep::nn

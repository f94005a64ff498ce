#include "lockstep/core/error.h"
#include "operators.h"

namespace lockstep::nn {

// The network ends at the logits; the loss behind them is loss.cpp's.
at::Tensor forward_softmax_output(NodeRun& run) {
  fail(ErrorKind::kBug, "node ", run.node->name, ": a loss has no forward pass of its own");
}

std::vector<at::Tensor> backward_softmax_output(NodeRun& run, const at::Tensor&) {
  fail(ErrorKind::kBug, "node ", run.node->name, ": a loss has no backward pass of its own");
}

}  // namespace lockstep::nn

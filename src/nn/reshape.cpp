#include "lockstep/model/axes.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

/// As the executor wants it: channels_last where there are four axes, unless the input is not.
at::MemoryFormat format_for(const at::Tensor& like, const at::Tensor& tensor) {
  if (tensor.dim() != 4) return at::MemoryFormat::Contiguous;
  return like.dim() == 4 ? like.suggest_memory_format() : at::MemoryFormat::ChannelsLast;
}

}  // namespace

at::Tensor forward_reshape(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];
  if (run.trains()) run.kept = {input};
  const at::Tensor output = input.contiguous().view(model::reshaped(*run.node, input.sizes().vec()));
  return output.contiguous(format_for(input, output));
}

std::vector<at::Tensor> backward_reshape(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  const at::Tensor below = gradient.contiguous().view(input.sizes());
  return {below.contiguous(format_for(input, below))};
}

}  // namespace lockstep::nn

#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sigmoid_backward.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/softplus_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

#include "lockstep/core/error.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

constexpr double kLinearFrom = 20;  // from here on log(1 + e^x) is x

std::string kind_of(const model::Node& node) {
  return node.op == "Activation" ? model::text_attribute(node, "act_type", "") : node.op;
}

at::Tensor activate(NodeRun& run) {
  const std::string kind = kind_of(*run.node);
  at::Tensor& input = run.inputs[0];
  if (kind == "relu") return run.may_overwrite ? at::relu_(input) : at::relu(input);
  if (kind == "sigmoid") return at::sigmoid(input);
  if (kind == "tanh") return at::tanh(input);
  require(kind == "softrelu", ErrorKind::kData, "node ", run.node->name, ": the activation \"", kind,
          "\" is not supported; there are: relu, sigmoid, tanh, softrelu");
  return at::softplus(input, 1, kLinearFrom);
}

}  // namespace

at::Tensor forward_activation(NodeRun& run) {
  at::Tensor output = activate(run);
  // Of softrelu the output has lost too many bits to tell the slope.
  if (run.trains()) run.kept = {kind_of(*run.node) == "softrelu" ? run.inputs[0] : output};
  return output;
}

std::vector<at::Tensor> backward_activation(NodeRun& run, const at::Tensor& gradient) {
  const std::string kind = kind_of(*run.node);
  const at::Tensor& kept = run.kept[0];
  if (kind == "relu") return {at::threshold_backward(gradient, kept, 0)};
  if (kind == "sigmoid") return {at::sigmoid_backward(gradient, kept)};
  if (kind == "tanh") return {at::tanh_backward(gradient, kept)};
  return {at::softplus_backward(gradient, kept, 1, kLinearFrom)};
}

}  // namespace lockstep::nn

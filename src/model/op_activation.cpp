#include <algorithm>
#include <array>
#include <string_view>

#include "op.h"

namespace lockstep::model {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"relu", "sigmoid", "tanh", "softrelu"};

// The newer operators relu, sigmoid and tanh are called as the kind is.
void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const std::string kind = node.op == "Activation" ? text_attribute(node, "act_type", "") : node.op;
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
    refuse(node, "act_type \"", kind, "\" is not supported; there are relu, sigmoid, tanh and softrelu");
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count(shapes.inputs[0]);
}

}  // namespace

const Operator op::activation = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model

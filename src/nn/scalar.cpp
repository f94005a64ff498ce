#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/sub.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

double scalar_of(const NodeRun& run) { return model::number_attribute(*run.node, "scalar", 0); }

}  // namespace

at::Tensor forward_scalar(NodeRun& run) {
  const std::string& op = run.node->op;
  const at::Tensor& input = run.inputs[0];
  const double scalar = scalar_of(run);
  if (op == "_plus_scalar") return at::add(input, scalar);
  if (op == "_minus_scalar") return at::sub(input, scalar);
  if (op == "_rminus_scalar") return at::neg(input).add_(scalar);
  if (op == "_mul_scalar") return at::mul(input, scalar);
  return at::div(input, scalar);
}

std::vector<at::Tensor> backward_scalar(NodeRun& run, const at::Tensor& gradient) {
  const std::string& op = run.node->op;
  if (op == "_rminus_scalar") return {at::neg(gradient)};
  if (op == "_mul_scalar") return {at::mul(gradient, scalar_of(run))};
  if (op == "_div_scalar") return {at::div(gradient, scalar_of(run))};
  return {gradient};
}

}  // namespace lockstep::nn

#include <algorithm>

#include <ATen/ops/mul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/zeros_like.h>

#include "operators.h"

// y = x n^-beta with n = knorm + alpha / nsize * (sum of x^2 over the nsize channels around), in float32 at least: 16
// bits cannot tell n from knorm.
namespace lockstep::nn {
namespace {

struct Rule {
  int64_t size;
  double alpha, beta, knorm;
};

Rule rule_of(const model::Node& node) {
  const int64_t size = model::int_attribute(node, "nsize", 1);
  return {size, model::number_attribute(node, "alpha", 1e-4) / static_cast<double>(size),
          model::number_attribute(node, "beta", 0.75), model::number_attribute(node, "knorm", 2)};
}

at::Tensor wide(const at::Tensor& values) {
  return values.scalar_type() == at::kDouble ? values : values.to(at::kFloat);
}

/// Each channel's sum over the channels around it.
at::Tensor sum_around(const at::Tensor& values, int64_t size) {
  const int64_t channels = values.size(1), reach = std::min(size / 2, channels - 1);
  at::Tensor sum = at::zeros_like(values);
  for (int64_t shift = -reach; shift <= reach; ++shift) {
    const int64_t length = channels - std::abs(shift);
    sum.narrow(1, std::max<int64_t>(0, -shift), length).add_(values.narrow(1, std::max<int64_t>(0, shift), length));
  }
  return sum;
}

at::Tensor norm_of(const at::Tensor& input, const Rule& rule) {
  return sum_around(at::mul(input, input), rule.size).mul_(rule.alpha).add_(rule.knorm);
}

}  // namespace

at::Tensor forward_lrn(NodeRun& run) {
  const Rule rule = rule_of(*run.node);
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  if (run.trains()) run.kept = {input};
  const at::Tensor x = wide(input);
  return norm_of(x, rule).pow_(-rule.beta).mul_(x).to(input.scalar_type());
}

std::vector<at::Tensor> backward_lrn(NodeRun& run, const at::Tensor& gradient) {
  const Rule rule = rule_of(*run.node);
  const at::Tensor x = wide(run.kept[0]), above = wide(gradient), norm = norm_of(x, rule);
  const at::Tensor through_norm = at::pow(norm, -rule.beta - 1).mul_(above).mul_(x);
  at::Tensor below = at::pow(norm, -rule.beta).mul_(above);
  below.sub_(sum_around(through_norm, rule.size).mul_(x), 2 * rule.alpha * rule.beta);
  return {below.to(gradient.scalar_type())};
}

}  // namespace lockstep::nn

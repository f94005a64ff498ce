#include <bit>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>

#include "lockstep/core/hash.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

/// What the draw follows from: the node and its input, so that a run which goes on after a stop draws as if it had not
/// stopped, and each rank draws for itself. A GPU is waited for.
uint64_t seed_of(const NodeRun& run) {
  const auto sum = std::bit_cast<uint64_t>(run.inputs[0].sum(at::kDouble).item<double>());
  return sum * 0x9E3779B97F4A7C15 ^ hash(run.node->name);
}

}  // namespace

at::Tensor forward_dropout(NodeRun& run) {
  const double p = model::number_attribute(*run.node, "p", 0.5);
  if (!run.trains() || p == 0) return run.inputs[0];
  const at::Tensor& input = run.inputs[0];
  at::Tensor mask = at::empty_like(input, input.options().device(at::kCPU).dtype(at::kFloat));
  mask.bernoulli_(1 - p, at::detail::createCPUGenerator(seed_of(run)));
  run.kept = {mask.div_(1 - p).to(input.options())};
  return at::mul(input, run.kept[0]);
}

std::vector<at::Tensor> backward_dropout(NodeRun& run, const at::Tensor& gradient) {
  if (run.kept.empty()) return {gradient};
  return {at::mul(gradient, run.kept[0])};
}

}  // namespace lockstep::nn

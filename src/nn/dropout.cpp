#include <cmath>

#include <ATen/ops/arange.h>
#include <ATen/ops/bitwise_xor.h>
#include <ATen/ops/mul.h>

#include "lockstep/core/hash.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kBits = 0xffffffff;

/// 32 bits each, well mixed: shifts, and odd multipliers below 2^31, so that no product leaves 63 bits. Changes `x`.
at::Tensor mixed(at::Tensor x) {
  x.bitwise_xor_(x.bitwise_right_shift(15)).mul_(739982445).bitwise_and_(kBits);
  x.bitwise_xor_(x.bitwise_right_shift(12)).mul_(695872825).bitwise_and_(kBits);
  return x.bitwise_xor_(x.bitwise_right_shift(15));
}

/// Which elements stay: a function of the node, the sample's key and the place in the sample, in the order of NCHW. Not
/// a generator, whose state would depend on what was drawn before and on how many ranks draw.
at::Tensor draw(const NodeRun& run, double p) {
  const at::Tensor& input = run.inputs[0];
  const int64_t samples = input.size(0), width = input.numel() / samples;
  const auto node = static_cast<int64_t>(hash(run.node->name) & kBits);
  at::Tensor place = at::arange(width, run.sample_keys.options());  // [width] int64
  place = mixed(place.mul_(2654435761).add_(node).bitwise_and_(kBits));
  const at::Tensor bits = mixed(at::bitwise_xor(place.unsqueeze(0), run.sample_keys.unsqueeze(1)));
  const auto cut = static_cast<int64_t>(std::lround(std::ldexp(p, 32)));
  return bits.ge(cut).view(input.sizes());  // [N, ...] bool
}

}  // namespace

at::Tensor forward_dropout(NodeRun& run) {
  const double p = model::number_attribute(*run.node, "p", 0.5);
  if (!run.trains() || p == 0) return run.inputs[0];
  const at::Tensor& input = run.inputs[0];
  run.kept = {draw(run, p).to(input.scalar_type()).div_(1 - p).contiguous(input.suggest_memory_format())};
  return at::mul(input, run.kept[0]);
}

std::vector<at::Tensor> backward_dropout(NodeRun& run, const at::Tensor& gradient) {
  if (run.kept.empty()) return {gradient};
  return {at::mul(gradient, run.kept[0])};
}

}  // namespace lockstep::nn

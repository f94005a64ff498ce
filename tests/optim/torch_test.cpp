// torch.optim is the judge of sgd_torch.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

/// 100 updates with a rate that drops in the middle, on a CPU or by tensors; the largest difference, relative to the
/// largest weight.
double difference_from_torch(double momentum, bool by_tensors) {
  constexpr int64_t kCount = 2000;
  constexpr double kDecay = 0.01;
  torch::manual_seed(1);
  const at::Tensor start = torch::randn({kCount});
  at::Tensor ours = start.clone(), theirs = start.clone().set_requires_grad(true);
  const auto optimizer =
      make_optimizer("sgd_torch", {{.begin = 0, .end = kCount}}, ours, {.momentum = momentum, .weight_decay = kDecay});
  torch::optim::SGD judge({theirs}, torch::optim::SGDOptions(0.1).momentum(momentum).weight_decay(kDecay));
  for (int step = 0; step < 100; ++step) {
    const double rate = step < 50 ? 0.1 : 0.01;
    const at::Tensor gradient = torch::randn({kCount});
    for (auto& group : judge.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
    theirs.mutable_grad() = gradient;
    judge.step();
    if (by_tensors)
      step_by_tensors(*optimizer, ours, gradient, make_control(rate));
    else
      optimizer->step(ours, gradient, make_control(rate));
  }
  return (ours - theirs.detach()).abs().max().item<double>() / theirs.detach().abs().max().item<double>();
}

TEST(SgdTorch, IsTorchsOver100Steps) {
  for (const bool by_tensors : {false, true}) {
    EXPECT_LE(difference_from_torch(0.9, by_tensors), 1e-6);
    EXPECT_LE(difference_from_torch(0, by_tensors), 1e-6);
  }
}

}  // namespace
}  // namespace lockstep::optim

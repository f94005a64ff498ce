// What only a GPU can show; without one these skip.
#include <algorithm>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "lockstep/core/rng.h"
#include "lockstep/optim/average.h"
#include "lockstep/optim/loss_scaler.h"
#include "lockstep/optim/norm.h"
#include "lockstep/optim/optimizer.h"

#ifdef LOCKSTEP_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace lockstep::optim {
namespace {

constexpr int64_t kCount = 1'000'003;

at::Tensor random_tensor(int64_t n, uint64_t id) {
  at::Tensor tensor = at::empty({n}, at::kFloat);
  Rng rng(7, RngUse::kTest, 0, id);
  std::generate_n(tensor.data_ptr<float>(), n, [&] { return static_cast<float>(rng.normal()); });
  return tensor;
}

std::vector<Piece> pieces() {
  return {{.begin = 0, .end = 1001, .decays = false},
          {.begin = 1024, .end = 500'000},
          {.begin = 500'000, .end = kCount, .rate_factor = 0.5}};
}

double apart(const at::Tensor& on_gpu, const at::Tensor& on_cpu) {
  return on_gpu.cpu().sub(on_cpu).abs().max().item<double>() / on_cpu.abs().max().item<double>();
}

class OnAGpu : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no GPU";
  }
};

TEST_P(OnAGpu, TheKernelDoesAsTheLoopOfACpu) {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    at::Tensor here = random_tensor(kCount, 1), there = here.cuda(), copy = there.to(type);
    const OptimizerOptions options{.weight_decay = 0.01, .decay_all = true};
    const auto host = make_optimizer(GetParam(), pieces(), here, options);
    const auto device = make_optimizer(GetParam(), pieces(), there, options);
    ASSERT_TRUE(device->prepare(there)) << "the warning says why not";
    for (int k = 0; k < 10; ++k) {
      const at::Tensor gradients = random_tensor(kCount, 10 + static_cast<uint64_t>(k));
      const at::Tensor control = make_control(0.05, 0.125, k != 4);
      host->step(here, gradients, control);
      device->step(there, gradients.cuda(), control.cuda(), copy);
    }
    EXPECT_LE(apart(there, here), 1e-6);
    for (size_t k = 0; k < host->moments().size(); ++k)
      EXPECT_LE(apart(device->moments()[k], host->moments()[k]), 1e-6);
    EXPECT_EQ(device->applied(), 9);
    EXPECT_TRUE(copy.narrow(0, 1024, kCount - 1024).equal(there.narrow(0, 1024, kCount - 1024).to(type)));
  }
}

TEST_P(OnAGpu, PlainUpdatesAreByOperators) {
  at::Tensor there = random_tensor(kCount, 1).cuda();
  EXPECT_FALSE(make_optimizer(GetParam(), pieces(), there, {.plain = true})->prepare(there));
}

INSTANTIATE_TEST_SUITE_P(Rows, OnAGpu, testing::Values("sgd", "nag", "sgd_torch", "adam", "rmsprop"),
                         [](const auto& tested) { return tested.param; });

class AStepOnAGpu : public OnAGpu {};

TEST_P(AStepOnAGpu, CanBeACudaGraph) {
#ifdef LOCKSTEP_CUDA
  at::Tensor here = random_tensor(kCount, 1), there = here.cuda();
  const at::Tensor gradients = random_tensor(kCount, 2), on_gpu = gradients.cuda();
  at::Tensor control = make_control(0.05, 0.125).cuda();
  const auto host = make_optimizer(GetParam(), pieces(), here, {});
  const auto device = make_optimizer(GetParam(), pieces(), there, {});
  LossScaler scaler(there);
  Average average(there, 0.5), expected(here, 0.5);
  ASSERT_TRUE(device->prepare(there));

  at::cuda::CUDAGraph graph;
  at::Tensor length;
  {
    const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
    graph.capture_begin();
    length = norm(on_gpu);
    device->step(there, on_gpu, control);
    scaler.update(control[kApply]);
    average.update(there, control[kApply]);
    graph.capture_end();
  }
  for (const double rate : {0.05, 0.01}) {
    control.copy_(make_control(rate, 0.125));
    graph.replay();
    host->step(here, gradients, make_control(rate, 0.125));
    expected.update(here, at::full({1}, 1.0f));
  }
  control.copy_(make_control(0.01, 0.125, false));
  graph.replay();
  EXPECT_LE(apart(there, here), 1e-6);
  EXPECT_LE(apart(average.values(), expected.values()), 1e-6);
  EXPECT_EQ(device->applied(), 2);
  EXPECT_EQ(scaler.saved().scale, LossScaler::kInitial / 2);
  EXPECT_NEAR(length.item<double>(), norm(gradients).item<double>(), 1e-9 * length.item<double>());
#endif
}

INSTANTIATE_TEST_SUITE_P(Rows, AStepOnAGpu, testing::Values("sgd", "adam"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace lockstep::optim

#include "lockstep/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "lockstep/core/rng.h"
#include "support/expect_error.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kCount = 200'003;  // several threads' worth, and no multiple of a vector
constexpr int64_t kBorder = 100'001;
constexpr double kRate = 0.05, kRescale = 0.125;

at::Tensor random_tensor(int64_t n, uint64_t id) {
  at::Tensor tensor = at::empty({n}, at::kFloat);
  Rng rng(7, RngUse::kTest, 0, id);
  std::generate_n(tensor.data_ptr<float>(), n, [&] { return static_cast<float>(rng.normal()); });
  return tensor;
}

/// The first piece decays; the second does not and learns at half the rate.
std::vector<Piece> two_pieces() {
  return {{.begin = 0, .end = kBorder, .decays = true},
          {.begin = kBorder, .end = kCount, .decays = false, .rate_factor = 0.5}};
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == b.numel() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

/// One weight in float64, by the formulas of MXNet; sgd_torch by torch's.
struct Weight {
  double w, m = 0, v = 0;

  void update(const std::string& name, double g, double lr, double wd, const OptimizerOptions& o, int t) {
    g += wd * w;
    if (name == "sgd") {
      m = o.momentum * m - lr * g;
      w += m;
    } else if (name == "sgd_torch") {
      m = o.momentum * m + g;
      w -= lr * m;
    } else if (name == "nag") {
      m = o.momentum * m + g;
      w -= lr * (g + o.momentum * m);
    } else if (name == "adam") {
      m = o.beta_1 * m + (1 - o.beta_1) * g;
      v = o.beta_2 * v + (1 - o.beta_2) * g * g;
      w -= lr * std::sqrt(1 - std::pow(o.beta_2, t)) / (1 - std::pow(o.beta_1, t)) * m / (std::sqrt(v) + o.eps);
    } else if (name == "rmsprop") {
      v = o.gamma * v + (1 - o.gamma) * g * g;
      w -= lr * g / std::sqrt(v + o.eps);
    } else {
      FAIL() << name << " has no formula here";
    }
  }
};

double rate_of(int step) { return step < 50 ? kRate : kRate / 10; }

/// 100 updates with a rate that drops in the middle; every 97th weight is followed in float64.
double error_after_100_updates(const std::string& name, const OptimizerOptions& options) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const at::Tensor start = parameters.clone(), gradients = random_tensor(kCount + 8, 2);
  const auto optimizer = make_optimizer(name, two_pieces(), parameters, options);
  for (int k = 0; k < 100; ++k)
    optimizer->step(parameters, gradients, make_control(rate_of(k), kRescale * (1 + k % 3)));

  const bool decays = name == "sgd" || name == "sgd_torch" || name == "nag" || options.decay_all;
  double error = 0, largest = 0;
  for (int64_t i = 0; i < kCount; i += 97) {
    Weight weight{start.const_data_ptr<float>()[i]};
    const double g = gradients.const_data_ptr<float>()[i];
    for (int k = 0; k < 100; ++k)
      weight.update(name, kRescale * (1 + k % 3) * g, rate_of(k) * (i < kBorder ? 1 : 0.5),
                    decays && i < kBorder ? options.weight_decay : 0, options, k + 1);
    error = std::max(error, std::abs(parameters.const_data_ptr<float>()[i] - weight.w));
    largest = std::max(largest, std::abs(weight.w));
  }
  EXPECT_EQ(optimizer->applied(), 100);
  return error / largest;
}

class EveryOptimizer : public testing::TestWithParam<std::string> {};

TEST_P(EveryOptimizer, FollowsItsFormulaInFloat64) {
  EXPECT_LE(error_after_100_updates(GetParam(), {.weight_decay = 0.01}), 3e-6);
}

TEST_P(EveryOptimizer, FollowsItsFormulaWithoutMomentum) {
  EXPECT_LE(error_after_100_updates(GetParam(), {.momentum = 0, .weight_decay = 0.01}), 3e-6);
}

TEST_P(EveryOptimizer, DecaysEverythingThatDecaysWhenAsked) {
  EXPECT_LE(error_after_100_updates(GetParam(), {.weight_decay = 0.01, .decay_all = true}), 3e-6);
}

TEST_P(EveryOptimizer, DescendsOnAQuadratic) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const double before = parameters.square().sum().item<double>();
  const auto optimizer = make_optimizer(GetParam(), two_pieces(), parameters, {});
  for (int k = 0; k < 100; ++k) optimizer->step(parameters, parameters.clone(), make_control(0.02));
  EXPECT_LT(parameters.square().sum().item<double>(), 0.3 * before);
}

TEST_P(EveryOptimizer, GoesOnFromItsMomentsAsIfItHadNotStopped) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const at::Tensor gradients = random_tensor(kCount, 2);
  const auto first = make_optimizer(GetParam(), two_pieces(), parameters, {});
  for (int k = 0; k < 3; ++k) first->step(parameters, gradients, make_control(kRate));

  at::Tensor copy = parameters.clone();
  const auto second = make_optimizer(GetParam(), two_pieces(), copy, {});
  ASSERT_EQ(first->moments().size(), second->moments().size());
  for (size_t i = 0; i < first->moments().size(); ++i) second->moments()[i].copy_(first->moments()[i]);
  second->set_applied(first->applied());
  first->step(parameters, gradients, make_control(kRate));
  second->step(copy, gradients, make_control(kRate));
  EXPECT_TRUE(same_bits(parameters, copy));
}

TEST_P(EveryOptimizer, GivesTheSameBitsOnAnyNumberOfThreads) {
  const at::Tensor gradients = random_tensor(kCount, 2);
  at::Tensor results[2];
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    at::Tensor& parameters = results[threads - 1] = random_tensor(kCount, 1);
    const auto optimizer = make_optimizer(GetParam(), two_pieces(), parameters, {});
    for (int k = 0; k < 3; ++k) optimizer->step(parameters, gradients, make_control(kRate));
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
}

TEST_P(EveryOptimizer, LeavesWhatBelongsToNoPiece) {
  at::Tensor parameters = random_tensor(100, 1);
  const at::Tensor before = parameters.clone(), gradients = random_tensor(100, 2);
  make_optimizer(GetParam(), {{.begin = 10, .end = 20}}, parameters, {})
      ->step(parameters, gradients, make_control(kRate));
  EXPECT_TRUE(same_bits(parameters.narrow(0, 0, 10), before.narrow(0, 0, 10)));
  EXPECT_FALSE(same_bits(parameters.narrow(0, 10, 10), before.narrow(0, 10, 10)));
  EXPECT_TRUE(same_bits(parameters.narrow(0, 20, 80), before.narrow(0, 20, 80)));
}

TEST_P(EveryOptimizer, LeavesWhatBelongsToNoPieceByTensorsToo) {
  at::Tensor there = random_tensor(100, 1), here = there.clone();
  const at::Tensor before = there.clone(), gradients = random_tensor(100, 2);
  gradients.narrow(0, 30, 70).fill_(std::nanf(""));
  const std::vector<Piece> pieces{{.begin = 10, .end = 20}, {.begin = 25, .end = 30}};
  const auto host = make_optimizer(GetParam(), pieces, here, {}),
             device = make_optimizer(GetParam(), pieces, there, {});
  host->step(here, gradients, make_control(kRate));
  step_by_tensors(*device, there, gradients, make_control(kRate));
  EXPECT_FALSE(same_bits(there.narrow(0, 10, 10), before.narrow(0, 10, 10)));
  EXPECT_LE(there.sub(here).abs().max().item<double>(), 1e-6);
  for (size_t k = 0; k < host->moments().size(); ++k)
    EXPECT_LE(device->moments()[k].sub(host->moments()[k]).abs().max().item<double>(), 1e-6);
  for (const auto& [begin, end] : {std::pair{0, 10}, std::pair{20, 25}, std::pair{30, 100}})
    EXPECT_TRUE(same_bits(there.narrow(0, begin, end - begin), before.narrow(0, begin, end - begin)));
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryOptimizer, testing::ValuesIn(names(optimizers())),
                         [](const auto& row) { return row.param; });

TEST(Optimizers, AreFoundByName) {
  at::Tensor parameters = at::zeros({4});
  const std::string message =
      test::expect_error(ErrorKind::kUsage, [&] { make_optimizer("adma", {}, parameters, {}); });
  test::expect_contains(message, "did you mean \"adam\"");
}

TEST(Sgd, KeepsTheRateOfItsTimeInsideTheMomentum) {
  at::Tensor parameters = at::zeros({1});
  at::Tensor gradient = at::zeros({1});
  gradient.data_ptr<float>()[0] = 1;
  const auto optimizer =
      make_optimizer("sgd", {{.begin = 0, .end = 1}}, parameters, {.momentum = 0.5, .weight_decay = 0});
  optimizer->step(parameters, gradient, make_control(1.0));
  optimizer->step(parameters, gradient, make_control(0.1));
  EXPECT_FLOAT_EQ(parameters.item<float>(), -1 - (0.5f + 0.1f));
}

TEST(Sgd, HasNoMomentsWithoutMomentum) {
  EXPECT_TRUE(make_optimizer("sgd", {}, at::zeros({4}), {.momentum = 0})->moments().empty());
}

TEST_P(EveryOptimizer, LeavesEverythingAloneWhenTheUpdateIsNotToBeApplied) {
  at::Tensor parameters = random_tensor(300, 1), copy = parameters.to(at::kBFloat16);
  const at::Tensor gradients = random_tensor(300, 2);
  const auto optimizer = make_optimizer(GetParam(), {{.begin = 0, .end = 300}}, parameters, {});
  optimizer->step(parameters, gradients, make_control(kRate), copy);
  std::vector<at::Tensor> before{parameters.clone(), copy.clone()};
  for (const at::Tensor& moment : optimizer->moments()) before.push_back(moment.clone());
  optimizer->step(parameters, gradients, make_control(kRate, 1, false), copy);
  EXPECT_TRUE(parameters.equal(before[0]));
  EXPECT_TRUE(copy.equal(before[1]));
  for (size_t k = 0; k < optimizer->moments().size(); ++k) EXPECT_TRUE(optimizer->moments()[k].equal(before[k + 2]));
  EXPECT_EQ(optimizer->applied(), 1);
}

TEST_P(EveryOptimizer, DoesTheSameByTensors) {
  at::Tensor here = random_tensor(kCount, 1), there = here.clone(), copy = here.to(at::kBFloat16);
  const OptimizerOptions options{.weight_decay = 0.01, .decay_all = true};
  const auto host = make_optimizer(GetParam(), two_pieces(), here, options);
  const auto device = make_optimizer(GetParam(), two_pieces(), there, options);
  for (int k = 0; k < 10; ++k) {
    const at::Tensor gradients = random_tensor(kCount, 10 + static_cast<uint64_t>(k));
    const at::Tensor control = make_control(kRate, kRescale, k != 4);
    host->step(here, gradients, control);
    step_by_tensors(*device, there, gradients, control, copy);
  }
  EXPECT_LE(there.sub(here).abs().max().item<double>(), 2e-6 * here.abs().max().item<double>());
  EXPECT_EQ(device->applied(), 9);
  EXPECT_TRUE(copy.equal(there.to(at::kBFloat16)));
  at::Tensor spoilt = random_tensor(kCount, 99), before = there.clone();
  spoilt.data_ptr<float>()[7] = std::nanf("");
  step_by_tensors(*device, there, spoilt, make_control(kRate, 1, false));
  EXPECT_TRUE(same_bits(there, before));
}

TEST_P(EveryOptimizer, WritesTheWorkingCopyRoundedToNearestEven) {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    at::Tensor parameters = random_tensor(100000, 1), copy = at::zeros({100000}, type);
    const auto optimizer = make_optimizer(GetParam(), {{.begin = 0, .end = 100000}}, parameters, {});
    optimizer->step(parameters, random_tensor(100000, 2), make_control(kRate), copy);
    EXPECT_TRUE(copy.equal(parameters.to(type)));
  }
}

}  // namespace
}  // namespace lockstep::optim

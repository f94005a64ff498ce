#include "update_kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "kernel_on_cpu.h"
#include "lockstep/core/rng.h"
#include "support/expect_error.h"
#include "update_check.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kCount = 30'011;
constexpr double kDecay = 0.01;

at::Tensor random_tensor(int64_t n, uint64_t id) {
  at::Tensor tensor = at::empty({n}, at::kFloat);
  Rng rng(7, RngUse::kTest, 0, id);
  std::generate_n(tensor.data_ptr<float>(), n, [&] { return static_cast<float>(rng.normal()); });
  return tensor;
}

/// Some begin and end within four elements of each other; 9,001 to 9,032 belong to none.
std::vector<Piece> pieces() {
  return {{.begin = 0, .end = 999, .decays = false},
          {.begin = 999, .end = 5001},
          {.begin = 5001, .end = 9001, .decays = false, .rate_factor = 0.5},
          {.begin = 9032, .end = 9034, .rate_factor = 10},
          {.begin = 9034, .end = kCount, .rate_factor = 0.1}};
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.nbytes() == b.nbytes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

/// The largest difference as a share of the largest value: compilers may contract a product and a sum, or not.
double apart(const at::Tensor& a, const at::Tensor& b) {
  return a.sub(b).abs().max().item<double>() / b.abs().max().item<double>();
}

/// A rule whose kernel runs here.
struct Rule {
  std::string name;
  double momentum = 0.9;

  std::unique_ptr<Optimizer> make(std::vector<Piece> of, const at::Tensor& parameters) const {
    return make_optimizer(name, std::move(of), parameters,
                          {.momentum = momentum, .weight_decay = kDecay, .decay_all = true});
  }
};

std::ostream& operator<<(std::ostream& out, const Rule& rule) { return out << rule.name << rule.momentum; }

class UpdateKernel : public testing::TestWithParam<Rule> {
 protected:
  void SetUp() override {
    if (!has_compiler()) GTEST_SKIP() << kNoCompiler;
  }
};

TEST_P(UpdateKernel, DoesAsTheLoopOfACpu) {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    at::Tensor here = random_tensor(kCount, 1), there = here.clone(), copy = here.to(type);
    const auto loop = GetParam().make(pieces(), here), kernel = GetParam().make(pieces(), there);
    const KernelOnCpu on_cpu(kernel->formula());
    at::Tensor applied = at::zeros({1}, at::kLong);
    for (int k = 0; k < 5; ++k) {
      const at::Tensor gradients = random_tensor(kCount + 8, 10 + static_cast<uint64_t>(k));
      const at::Tensor control = make_control(k < 3 ? 0.05 : 0.005, 0.125, k != 2);
      loop->step(here, gradients, control);
      on_cpu.run(update_buffers(there, gradients, control, kernel->moments(), applied, copy), divide(pieces(), kDecay));
    }
    EXPECT_LE(apart(there, here), 1e-6);
    for (size_t k = 0; k < loop->moments().size(); ++k)
      EXPECT_LE(apart(kernel->moments()[k], loop->moments()[k]), 1e-6) << "moment " << k;
    EXPECT_TRUE(same_bits(copy, there.to(type)));
    EXPECT_EQ(applied.item<int64_t>(), 4);
  }
}

TEST_P(UpdateKernel, LeavesEverythingAloneWhenTheUpdateIsNotToBeApplied) {
  at::Tensor parameters = random_tensor(kCount, 1), copy = at::zeros({kCount}, at::kHalf);
  const auto optimizer = GetParam().make(pieces(), parameters);
  at::Tensor gradients = random_tensor(kCount, 2), applied = at::zeros({1}, at::kLong);
  gradients.data_ptr<float>()[7] = std::nanf("");
  const at::Tensor before = parameters.clone();
  KernelOnCpu(optimizer->formula())
      .run(update_buffers(parameters, gradients, make_control(0.1, 1, false), optimizer->moments(), applied, copy),
           divide(pieces(), kDecay));
  EXPECT_TRUE(same_bits(parameters, before));
  EXPECT_TRUE(same_bits(copy, at::zeros({kCount}, at::kHalf)));
  for (const at::Tensor& moment : optimizer->moments()) EXPECT_TRUE(same_bits(moment, at::zeros({kCount})));
  EXPECT_EQ(applied.item<int64_t>(), 0);
}

TEST_P(UpdateKernel, PassesTheComparisonWithOperators) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const auto optimizer = GetParam().make(pieces(), parameters);
  const KernelOnCpu kernel(optimizer->formula());
  const auto chunks = divide(pieces(), kDecay);
  EXPECT_EQ(compare_updates(*optimizer, parameters, [&](const UpdateBuffers& b) { kernel.run(b, chunks); }), "");
  EXPECT_TRUE(same_bits(parameters, random_tensor(kCount, 1))) << "only made-up numbers change";
  EXPECT_EQ(optimizer->applied(), 0);
  for (const at::Tensor& moment : optimizer->moments()) EXPECT_TRUE(same_bits(moment, at::zeros({kCount})));
}

TEST_P(UpdateKernel, FailsTheComparisonWithAnotherFormula) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const auto optimizer = GetParam().make(pieces(), parameters);
  Formula formula = optimizer->formula();
  formula.rate = "{ return rate * 1.01f; }";
  const KernelOnCpu kernel(formula);
  const auto chunks = divide(pieces(), kDecay);
  test::expect_contains(compare_updates(*optimizer, parameters, [&](const UpdateBuffers& b) { kernel.run(b, chunks); }),
                        "weights differ by ");
}

INSTANTIATE_TEST_SUITE_P(Rows, UpdateKernel,
                         testing::Values(Rule{"sgd"}, Rule{"sgd", 0}, Rule{"nag"}, Rule{"sgd_torch"},
                                         Rule{"sgd_torch", 0}, Rule{"adam"}, Rule{"rmsprop"}),
                         [](const auto& tested) {
                           return tested.param.name + (tested.param.momentum > 0 ? "" : "_without_momentum");
                         });

/// The comparison's answer to a kernel of sgd and something that is wrong with it.
std::string compare_sgd(const std::function<void(const KernelOnCpu&, UpdateBuffers)>& run) {
  at::Tensor parameters = random_tensor(kCount, 1);
  const auto optimizer = Rule{"sgd"}.make(pieces(), parameters);
  const KernelOnCpu kernel(optimizer->formula());
  return compare_updates(*optimizer, parameters, [&](const UpdateBuffers& b) { run(kernel, b); });
}

TEST(CompareUpdates, SaysWhatDiffers) {
  if (!has_compiler()) GTEST_SKIP() << kNoCompiler;
  const auto chunks = divide(pieces(), kDecay);
  test::expect_contains(compare_sgd([](const KernelOnCpu&, UpdateBuffers) {}), "weights differ by ");
  test::expect_contains(compare_sgd([&](const KernelOnCpu& kernel, UpdateBuffers b) {
                          auto fewer = chunks;
                          fewer.pop_back();
                          kernel.run(b, fewer);
                        }),
                        "weights differ by ");
  test::expect_contains(compare_sgd([&](const KernelOnCpu& kernel, UpdateBuffers b) {
                          b.copy_type = b.copy_type == kBfloat16Copy ? kFloat16Copy : kBfloat16Copy;
                          kernel.run(b, chunks);
                        }),
                        "BFloat16 copies are rounded otherwise");
  test::expect_contains(compare_sgd([&](const KernelOnCpu& kernel, UpdateBuffers b) {
                          kernel.run(b, chunks);
                          *b.applied = 17;
                        }),
                        "17 updates are counted for 3");
  test::expect_contains(compare_sgd([&](const KernelOnCpu& kernel, UpdateBuffers b) {
                          kernel.run(b, chunks);
                          b.m[5] = std::nanf("");
                        }),
                        "nan where the largest is ");
}

/// Every float16 that is a number, the floats beside it and half-way to the next; and what float16 cannot hold.
at::Tensor values_to_round() {
  std::vector<float> values = {1e30f, -1e30f, 65519.996f, 65520.0f, 3e-8f, 2.98e-8f, 1e-40f};
  for (uint32_t bits = 0; bits < 0x7c00; ++bits)
    for (const uint32_t sign : {0u, 0x8000u}) {
      const auto number = [&](uint32_t of) {
        return static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(sign | of)));
      };
      const float value = number(bits), middle = (value + number(std::min(bits + 1, 0x7bffu))) / 2;
      for (const float each : {value, middle})
        for (const float beside : {-INFINITY, each, INFINITY}) values.push_back(std::nextafterf(each, beside));
    }
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

TEST(UpdateKernelText, RoundsToNearestEvenWhateverTheValue) {
  if (!has_compiler()) GTEST_SKIP() << kNoCompiler;
  at::Tensor values = values_to_round();
  const int64_t count = values.numel();
  const std::vector<Piece> all = {{.begin = 0, .end = count, .decays = false}};
  const auto optimizer = Rule{"sgd", 0}.make(all, values);
  at::Tensor gradients = at::zeros({count}), applied = at::zeros({1}, at::kLong);
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    at::Tensor copy = at::zeros({count}, type);
    KernelOnCpu(optimizer->formula())
        .run(update_buffers(values, gradients, make_control(0.1), {}, applied, copy), divide(all, 0));
    EXPECT_TRUE(same_bits(copy, values.to(type))) << at::toString(type);
  }
}

TEST(UpdateKernelText, KeepsWhatIsNoNumber) {
  if (!has_compiler()) GTEST_SKIP() << kNoCompiler;
  for (const uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu})
    for (const auto type : {at::kBFloat16, at::kHalf}) {
      at::Tensor value = at::zeros({1}), copy = at::zeros({1}, type), applied = at::zeros({1}, at::kLong);
      value.data_ptr<float>()[0] = std::bit_cast<float>(bits);
      const auto optimizer = Rule{"sgd", 0}.make({}, value);
      KernelOnCpu(optimizer->formula())
          .run(update_buffers(value, at::zeros({1}), make_control(0.1), {}, applied, copy),
               divide({{.begin = 0, .end = 1, .decays = false}}, 0));
      EXPECT_TRUE(std::isnan(copy.to(at::kFloat).item<float>())) << bits << " " << at::toString(type);
    }
}

TEST(DividedPieces, AreCoveredOnceInOrder) {
  int64_t covered = 0;
  for (const Chunk& chunk : divide(pieces(), kDecay)) {
    EXPECT_TRUE(chunk.begin == covered || chunk.begin == 9032) << chunk.begin;
    EXPECT_GT(chunk.count, 0);
    const auto all = pieces();
    const auto piece = std::find_if(all.begin(), all.end(), [&](const Piece& p) { return chunk.begin < p.end; });
    EXPECT_EQ(chunk.decay, piece->decays ? static_cast<float>(kDecay) : 0.0f);
    EXPECT_EQ(chunk.rate_factor, static_cast<float>(piece->rate_factor));
    covered = chunk.begin + chunk.count;
    EXPECT_LE(covered, piece->end);
  }
  EXPECT_EQ(covered, kCount);
}

TEST(DividedPieces, AreAnEmptyOneWhereThereAreNone) {
  const auto chunks = divide({}, kDecay);
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].count, 0);
}

TEST(UpdateBuffers, MustBeAlignedAnd16Bit) {
  const at::Tensor ten = at::zeros({10}), count = at::zeros({1}, at::kLong);
  std::string message = test::expect_error(
      ErrorKind::kBug, [&] { update_buffers(ten, ten.narrow(0, 1, 9), make_control(1), {}, count, {}); });
  test::expect_contains(message, "the gradients of an update do not begin at a multiple of 16 bytes");
  message =
      test::expect_error(ErrorKind::kBug, [&] { update_buffers(ten, ten, make_control(1), {}, count, ten.clone()); });
  test::expect_contains(message, "16-bit");
}

TEST(Optimizer, IsNotPreparedForAGpuOnACpu) {
  at::Tensor parameters = random_tensor(100, 1);
  const auto optimizer = Rule{"sgd"}.make({{.begin = 0, .end = 100}}, parameters);
  EXPECT_FALSE(optimizer->prepare(parameters));
  optimizer->use_operators();
  EXPECT_FALSE(optimizer->prepare(parameters));
}

}  // namespace
}  // namespace lockstep::optim

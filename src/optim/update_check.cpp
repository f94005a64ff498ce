#include "update_check.h"

#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>

#include "lockstep/core/error.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kAppliedBefore = 2;

/// All that an update changes.
struct Numbers {
  at::Tensor w;
  std::vector<at::Tensor> moments;
  at::Tensor copy;
  at::Tensor applied;  // [1] int64
};

/// Waves about `middle`: LibTorch's own random numbers would be others afterwards.
at::Tensor wave(const at::Tensor& like, double frequency, double middle, double height) {
  return at::arange(like.numel(), like.options()).mul_(frequency).sin_().mul_(height).add_(middle);
}

Numbers made_up(const at::Tensor& like, size_t moments) {
  Numbers numbers{.w = wave(like, 0.7, 0, 1)};
  // Positive, since rmsprop and adam take roots of them.
  for (size_t k = 0; k < moments; ++k)
    numbers.moments.push_back(wave(like, 0.3 + 0.2 * static_cast<double>(k), 0.02, 0.01));
  numbers.applied = at::full_like(like.narrow(0, 0, 1), kAppliedBefore, like.options().dtype(at::kLong));
  return numbers;
}

Numbers copy_of(const Numbers& numbers) {
  Numbers copy{.w = numbers.w.clone(), .applied = numbers.applied.clone()};
  for (const at::Tensor& moment : numbers.moments) copy.moments.push_back(moment.clone());
  return copy;
}

/// The optimizer with other moments for as long as this lives.
class Borrowed {
 public:
  Borrowed(Optimizer& optimizer, const Numbers& numbers)
      : optimizer_(optimizer), moments_(optimizer.moments()), applied_(optimizer.applied()) {
    optimizer_.moments() = numbers.moments;
    optimizer_.set_applied(kAppliedBefore);
  }
  ~Borrowed() {
    optimizer_.moments() = moments_;
    optimizer_.set_applied(applied_);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

 private:
  Optimizer& optimizer_;
  std::vector<at::Tensor> moments_;
  int64_t applied_;
};

std::string difference(const char* what, const at::Tensor& by_kernel, const at::Tensor& by_operators) {
  const double largest = by_operators.abs().max().item<double>();
  const double apart = by_kernel.sub(by_operators).abs().max().item<double>();
  if (apart <= kUpdateTolerance * largest) return "";  // not a number is no agreement
  return cat(what, " differ by ", apart, " where the largest is ", largest);
}

std::string difference(const Numbers& by_kernel, const Numbers& by_operators, int64_t applied) {
  std::string found = difference("weights", by_kernel.w, by_operators.w);
  for (size_t k = 0; k < by_kernel.moments.size() && found.empty(); ++k)
    found = difference("moments", by_kernel.moments[k], by_operators.moments[k]);
  if (found.empty() && !by_kernel.copy.equal(by_kernel.w.to(by_kernel.copy.scalar_type())))
    found = cat(at::toString(by_kernel.copy.scalar_type()), " copies are rounded otherwise");
  if (const auto counted = by_kernel.applied.item<int64_t>(); found.empty() && counted != applied)
    found = cat(counted, " updates are counted for ", applied);
  return found;
}

}  // namespace

std::string compare_updates(Optimizer& optimizer, const at::Tensor& parameters, const RunUpdate& run) {
  Numbers kernel = made_up(parameters, optimizer.moments().size()), operators = copy_of(kernel);
  const at::Tensor ordinary = wave(parameters, 1.1, 0, 1);
  const at::Tensor spoilt = at::full_like(parameters, std::numeric_limits<double>::quiet_NaN());
  const Borrowed borrowed(optimizer, operators);
  struct Try {
    at::ScalarType copy;
    bool apply;
  };
  int64_t applied = kAppliedBefore;
  for (const Try each : {Try{at::kBFloat16, true}, Try{at::kHalf, false}, Try{at::kHalf, true}}) {
    const at::Tensor& gradients = each.apply ? ordinary : spoilt;
    const at::Tensor control = make_control(0.05, 0.5, each.apply).to(parameters.device());
    kernel.copy = kernel.w.to(each.copy);
    run(update_buffers(kernel.w, gradients, control, kernel.moments, kernel.applied, kernel.copy));
    step_by_tensors(optimizer, operators.w, gradients, control);
    applied += each.apply ? 1 : 0;
    if (std::string found = difference(kernel, operators, applied); !found.empty()) return found;
  }
  return "";
}

}  // namespace lockstep::optim

#include "lockstep/optim/optimizer.h"

#include <array>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include "blocks.h"
#include "gpu_update.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "update_check.h"

namespace lockstep::optim {

#define OPTIMIZER(name, maker, help)                                                        \
  std::unique_ptr<Optimizer> maker(std::vector<Piece> pieces, const at::Tensor& parameters, \
                                   const OptimizerOptions& options);
#include "lockstep/optim/optimizers.def"
#undef OPTIMIZER

at::Tensor make_control(double learning_rate, double rescale, bool apply) {
  at::Tensor control = at::empty({kControls}, at::kFloat);
  float* numbers = control.mutable_data_ptr<float>();
  numbers[kLearningRate] = static_cast<float>(learning_rate);
  numbers[kRescale] = static_cast<float>(rescale);
  numbers[kApply] = apply ? 1.0f : 0.0f;
  return control;
}

Optimizer::Optimizer(std::vector<Piece> pieces, const at::Tensor& parameters, int n_moments, double weight_decay,
                     bool plain)
    : pieces_(std::move(pieces)),
      weight_decay_(weight_decay),
      prepared_(plain),
      applied_(at::zeros({1}, parameters.options().dtype(at::kLong))) {
  for (int k = 0; k < n_moments; ++k) moments_.push_back(at::zeros_like(parameters));
}

Optimizer::~Optimizer() = default;

int64_t Optimizer::applied() const { return applied_.item<int64_t>(); }
void Optimizer::set_applied(int64_t applied) { applied_.fill_(applied); }

void Optimizer::step(at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
                     at::Tensor working_copy) {
  const at::NoGradGuard guard;
  if (parameters.is_cpu())
    step_on_host(parameters, gradients, control.const_data_ptr<float>(), working_copy);
  else if (prepare(parameters))
    gpu_update_->run(update_buffers(parameters, gradients, control, moments_, applied_, working_copy));
  else
    step_by_tensors(parameters, gradients, control, working_copy);
}

bool Optimizer::prepare(const at::Tensor& parameters) {
  if (prepared_ || !parameters.is_cuda() || is_captured()) return gpu_update_ != nullptr;
  prepared_ = true;
  const at::NoGradGuard guard;
  std::string why;
  try {
    auto kernel = std::make_unique<GpuUpdate>(formula(), divide(pieces_, weight_decay_), parameters.device());
    why = compare_updates(*this, parameters, [&](const UpdateBuffers& buffers) { kernel->run(buffers); });
    if (why.empty()) gpu_update_ = std::move(kernel);
  } catch (const c10::Error& error) {
    why = error.what_without_backtrace();
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.empty())
    log::warning("weights are updated by LibTorch's operators, more slowly than by a kernel of this program: ", why);
  return gpu_update_ != nullptr;
}

void Optimizer::use_operators() {
  prepared_ = true;
  gpu_update_.reset();
}

void Optimizer::step_on_host(at::Tensor& parameters, const at::Tensor& gradients, const float* control,
                             at::Tensor& working_copy) {
  if (control[kApply] == 0) return;
  applied_.add_(1);
  const auto t = static_cast<double>(applied());
  const auto moment = [&](size_t k) { return k < moments_.size() ? moments_[k].mutable_data_ptr<float>() : nullptr; };
  float *w = parameters.mutable_data_ptr<float>(), *m = moment(0), *v = moment(1);
  const float* g = gradients.const_data_ptr<float>();
  for (const Piece& piece : pieces_)
    for_each_block(piece.begin, piece.end, [&](int64_t begin, int64_t end) {
      update({.count = end - begin,
              .w = w + begin,
              .g = g + begin,
              .m = m ? m + begin : nullptr,
              .v = v ? v + begin : nullptr,
              .rate = control[kLearningRate] * static_cast<float>(piece.rate_factor),
              .decay = piece.decays ? static_cast<float>(weight_decay_) : 0.0f,
              .rescale = control[kRescale],
              .t = t});
      if (working_copy.defined()) round_block(w, working_copy, begin, end);
    });
}

Optimizer::Spread Optimizer::spread(const at::Tensor& like) const {
  Spread spread{.belongs = at::zeros_like(like, like.options().dtype(at::kBool))};
  for (const Piece& piece : pieces_) {
    const auto fill = [&](at::Tensor& flat, double ordinary, double value) {
      if (value == ordinary) return;
      if (!flat.defined()) flat = at::full_like(like, ordinary);
      flat.narrow(0, piece.begin, piece.end - piece.begin).fill_(value);
    };
    fill(spread.decay, 0, piece.decays ? weight_decay_ : 0);
    fill(spread.rate_factor, 1, piece.rate_factor);
    fill(spread.belongs, 0, 1);
  }
  return spread;
}

void Optimizer::step_by_tensors(at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
                                at::Tensor& working_copy) {
  if (!spread_.belongs.defined()) spread_ = spread(parameters);
  const at::Tensor apply = control[kApply].gt(0), changes = spread_.belongs.logical_and(apply);  // 0-d, [P] bool
  Tensors now{.old = {.w = parameters},
              .g = gradients.narrow(0, 0, parameters.numel()).mul(control[kRescale]),
              .rate = control[kLearningRate],
              .t = applied_[0].to(at::kDouble).add(1)};
  if (!moments_.empty()) now.old.m = moments_[0];
  if (moments_.size() > 1) now.old.v = moments_[1];
  if (spread_.decay.defined()) now.g.addcmul_(spread_.decay, parameters);
  if (spread_.rate_factor.defined()) now.rate = spread_.rate_factor.mul(now.rate);
  const Values next = updated(now);
  // A gradient that is not finite must not reach them by a factor of 0 either.
  const auto keep = [&](at::Tensor& values, const at::Tensor& changed) {
    if (values.defined()) at::where_out(values, changes, changed, values);
  };
  keep(now.old.w, next.w);
  keep(now.old.m, next.m);
  keep(now.old.v, next.v);
  applied_.add_(apply.to(at::kLong));
  if (working_copy.defined()) working_copy.copy_(parameters);
}

void step_by_tensors(Optimizer& optimizer, at::Tensor& parameters, const at::Tensor& gradients,
                     const at::Tensor& control, at::Tensor working_copy) {
  const at::NoGradGuard guard;
  optimizer.step_by_tensors(parameters, gradients, control, working_copy);
}

std::span<const Entry<MakeOptimizer>> optimizers() {
  static constexpr std::array kRows = {
#define OPTIMIZER(name, maker, help) Entry<MakeOptimizer>{name, help, maker},
#include "lockstep/optim/optimizers.def"
#undef OPTIMIZER
  };
  return kRows;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, std::vector<Piece> pieces,
                                          const at::Tensor& parameters, const OptimizerOptions& options) {
  return find_entry(optimizers(), name, "optimizer").make(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

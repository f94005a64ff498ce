#include "lockstep/optim/loss_scaler.h"

#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace lockstep::optim {

LossScaler::LossScaler(const at::Tensor& like, double fixed)
    : scale_(at::full({1}, fixed > 0 ? fixed : kInitial, like.options().dtype(at::kFloat))),
      in_a_row_(at::zeros({1}, like.options().dtype(at::kInt))),
      dynamic_(fixed <= 0) {}

void LossScaler::update(const at::Tensor& apply) {
  if (!dynamic_) return;
  const at::Tensor applied = apply.reshape({1}).gt(0);
  in_a_row_ = at::where(applied, in_a_row_.add(1), at::zeros_like(in_a_row_));
  const at::Tensor grows = in_a_row_.ge(2000);
  scale_ = at::where(applied, at::where(grows, scale_.mul(2), scale_), scale_.div(2)).clamp(1, 16777216);
  in_a_row_ = at::where(grows, at::zeros_like(in_a_row_), in_a_row_);
}

LossScaler::Saved LossScaler::saved() const { return {scale_.item<float>(), in_a_row_.item<int>()}; }
void LossScaler::restore(const Saved& saved) {
  scale_.fill_(saved.scale);
  in_a_row_.fill_(saved.applied_in_a_row);
}

}  // namespace lockstep::optim

#include "lockstep/optim/loss_scaler.h"

#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

namespace lockstep::optim {

LossScaler::LossScaler(const at::Tensor& like, double fixed)
    : scale_(at::full({1}, fixed > 0 ? fixed : kInitial, like.options().dtype(at::kFloat))),
      in_a_row_(at::zeros({1}, like.options().dtype(at::kInt))),
      dynamic_(fixed <= 0) {}

// In place, since a CUDA graph of the step reads and writes the same memory each time.
void LossScaler::update(const at::Tensor& apply) {
  if (!dynamic_) return;
  at::_amp_update_scale_(scale_, in_a_row_, apply.reshape({1}).eq(0).to(at::kFloat), 2, 0.5, 2000);
  scale_.clamp_(1, 16777216);
}

LossScaler::Saved LossScaler::saved() const { return {scale_.item<float>(), in_a_row_.item<int>()}; }
void LossScaler::restore(const Saved& saved) {
  scale_.fill_(saved.scale);
  in_a_row_.fill_(saved.applied_in_a_row);
}

}  // namespace lockstep::optim

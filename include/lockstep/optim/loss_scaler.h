#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace lockstep::optim {

/// The factor on the loss that keeps the gradients of float16 within its range. Dynamic: it halves when an update was
/// skipped and doubles after 2,000 applied ones in a row, between 1 and 2^24; it begins with 65,536. Its state lives on
/// the device, and the host waits for nothing; all ranks decide alike because the gradient that they look at is the
/// same.
class LossScaler {
 public:
  static constexpr double kInitial = 65536;

  /// `like` says where; `fixed` > 0: that factor and no other.
  LossScaler(const at::Tensor& like, double fixed = 0);

  const at::Tensor& scale() const { return scale_; }  ///< [1] float, always the same memory
  void update(const at::Tensor& apply);               ///< Control's kApply of the update that was just done

  /// For checkpoints; both wait for the device.
  struct Saved {
    double scale = kInitial;
    int64_t applied_in_a_row = 0;
  };
  Saved saved() const;
  void restore(const Saved& saved);

 private:
  at::Tensor scale_, in_a_row_;  // [1] float, [1] int32
  bool dynamic_;
};

}  // namespace lockstep::optim

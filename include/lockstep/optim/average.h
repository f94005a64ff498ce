#pragma once

#include <ATen/core/Tensor.h>

namespace lockstep::optim {

/// The exponential moving average of flat values over updates: average <- decay average + (1 - decay) values. It begins
/// with the values themselves. On the device of the values.
class Average {
 public:
  Average(const at::Tensor& values, double decay);

  /// After an update; `apply` is 0 or 1 (0-d or [1] float, Control's kApply): a skipped update leaves the average
  /// alone.
  void update(const at::Tensor& values, const at::Tensor& apply);
  at::Tensor& values() { return average_; }

 private:
  at::Tensor average_;
  double decay_;
};

}  // namespace lockstep::optim

#include "lockstep/optim/average.h"

#include <ATen/ops/lerp.h>

namespace lockstep::optim {

Average::Average(const at::Tensor& values, double decay) : average_(values.clone()), decay_(decay) {}

void Average::update(const at::Tensor& values, const at::Tensor& apply) {
  average_.lerp_(values, apply.reshape({}).mul(1 - decay_));
}

}  // namespace lockstep::optim

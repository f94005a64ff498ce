#pragma once

namespace at {
class Tensor;
}

namespace lockstep::optim {

/// The L2 norm of flat float32 `values`, added up in float64: 0-d float64 on their device. It is finite exactly when
/// every element is. On a CPU the same number of threads gives the same bits.
at::Tensor norm(const at::Tensor& values);

}  // namespace lockstep::optim

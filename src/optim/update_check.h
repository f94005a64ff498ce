#pragma once

#include <functional>
#include <string>

#include "update_kernel.h"

namespace lockstep::optim {

/// Does one update, as GpuUpdate::run or a stand-in for it.
using RunUpdate = std::function<void(const UpdateBuffers& buffers)>;

/// Three updates of numbers made up like `parameters` by `run` and by LibTorch's operators, with both 16-bit copies and
/// with one update that is not to be applied: empty, or what differs by more than kUpdateTolerance of the largest value
/// of its kind. The optimizer's own moments and count are left alone. Waits for the device, and takes memory of some 15
/// floats a parameter meanwhile.
std::string compare_updates(Optimizer& optimizer, const at::Tensor& parameters, const RunUpdate& run);

inline constexpr double kUpdateTolerance = 1e-5;

}  // namespace lockstep::optim

#pragma once

#include <cstdint>
#include <functional>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

/// Sums over parts 0 .. count in groups of at least `least` parts, which are then added in their order, so that threads
/// need not wait for each other at every step. The groups are the same on any number of threads, so that bits repeat.
/// `sum(begin, end, to)` writes `numbers` float32; several at once, or one at a time where groups are fewer than
/// threads. Returns [numbers].
at::Tensor sum_in_groups(int64_t count, int64_t least, int64_t numbers,
                         const std::function<void(int64_t begin, int64_t end, float* to)>& sum);

}  // namespace lockstep::nn

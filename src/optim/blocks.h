#pragma once

#include <cstdint>
#include <functional>

#include <ATen/core/Tensor.h>

namespace lockstep::optim {

/// Calls `action(begin, end)` for all of begin..end in blocks that stay in a core's cache, several threads at once.
void for_each_block(int64_t begin, int64_t end, const std::function<void(int64_t begin, int64_t end)>& action);

/// rounded[begin, end) = values[begin, end), to nearest even; `rounded` is flat bfloat16 or float16 in host memory.
void round_block(const float* values, at::Tensor& rounded, int64_t begin, int64_t end);

}  // namespace lockstep::optim

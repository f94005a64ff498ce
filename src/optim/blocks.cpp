#include "blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <ATen/Parallel.h>

#include "lockstep/core/error.h"
#include "lockstep/core/vectorised.h"

namespace lockstep::optim {
namespace {

// Elements that a thread takes at least: below, starting threads costs more than the work.
constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kBlock = 1 << 13;  // four streams of it are 128 KiB

/// bfloat16 is the upper half of a float; NaN keeps a bit that the lower half cannot carry into infinity.
LOCKSTEP_VECTORISED
void round_to_bfloat16(const float* values, uint16_t* rounded, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t even = bits + 0x7fff + ((bits >> 16) & 1);
    rounded[i] = static_cast<uint16_t>((values[i] != values[i] ? 0x7fc00000u : even) >> 16);
  }
}

LOCKSTEP_VECTORISED
void round_to_float16(const float* values, _Float16* rounded, int64_t count) {
  for (int64_t i = 0; i < count; ++i) rounded[i] = static_cast<_Float16>(values[i]);
}

}  // namespace

void for_each_block(int64_t begin, int64_t end, const std::function<void(int64_t begin, int64_t end)>& action) {
  at::parallel_for(begin, end, kGrain, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; block += kBlock) action(block, std::min(block + kBlock, last));
  });
}

void round_block(const float* values, at::Tensor& rounded, int64_t begin, int64_t end) {
  if (rounded.scalar_type() == at::kBFloat16)
    return round_to_bfloat16(values + begin, static_cast<uint16_t*>(rounded.mutable_data_ptr()) + begin, end - begin);
  require(rounded.scalar_type() == at::kHalf, ErrorKind::kBug, "a working copy of another type than 16-bit floats");
  round_to_float16(values + begin, static_cast<_Float16*>(rounded.mutable_data_ptr()) + begin, end - begin);
}

}  // namespace lockstep::optim

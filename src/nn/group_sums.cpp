#include "group_sums.h"

#include <algorithm>
#include <bit>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace lockstep::nn {
namespace {

constexpr int64_t kMostGroups = 64;
constexpr int64_t kMostNumbers = 1 << 19;  // of all groups: 2 MB
constexpr int64_t kAtOnce = 4096;          // numbers of a group that one thread adds

/// A power of two, which most numbers of threads share alike.
int64_t groups_of(int64_t count, int64_t least, int64_t numbers) {
  const auto most = std::clamp<int64_t>(std::min(count / least, kMostNumbers / numbers), 1, kMostGroups);
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(most)));
}

}  // namespace

at::Tensor sum_in_groups(int64_t count, int64_t least, int64_t numbers,
                         const std::function<void(int64_t begin, int64_t end, float* to)>& sum) {
  const int64_t groups = groups_of(count, least, numbers);
  const at::Tensor sums = at::empty({groups, numbers});
  float* const data = sums.mutable_data_ptr<float>();
  const auto sum_groups = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum(count * i / groups, count * (i + 1) / groups, data + i * numbers);
  };
  groups < at::get_num_threads() ? sum_groups(0, groups) : at::parallel_for(0, groups, 1, sum_groups);
  at::parallel_for(0, numbers, kAtOnce, [&](int64_t begin, int64_t end) {
    for (int64_t i = 1; i < groups; ++i)
      for (int64_t j = begin; j < end; ++j) data[j] += data[i * numbers + j];
  });
  return sums[0];
}

}  // namespace lockstep::nn

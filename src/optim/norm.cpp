#include "lockstep/optim/norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/full.h>

#include "lockstep/core/vectorised.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kChunk = 1 << 16;  // elements; their sums are added in order, whatever thread made them
constexpr int64_t kLanes = 16;

LOCKSTEP_VECTORISED
double sum_of_squares(const float* values, int64_t count) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  for (; i < count; ++i) lanes[0] += static_cast<double>(values[i]) * values[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

at::Tensor norm(const at::Tensor& values) {
  // linalg_vector_norm would first write all values once more as float64.
  if (!values.is_cpu()) return at::_foreach_norm({values}, 2, at::kDouble)[0];
  const float* from = values.const_data_ptr<float>();
  const int64_t count = values.numel(), chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<size_t>(chunks));
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk)
      sums[static_cast<size_t>(chunk)] =
          sum_of_squares(from + chunk * kChunk, std::min(kChunk, count - chunk * kChunk));
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return at::full({}, std::sqrt(sum), at::kDouble);
}

}  // namespace lockstep::optim

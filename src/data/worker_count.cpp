#include "worker_count.h"

#include <algorithm>
#include <cmath>

namespace lockstep::data {

void WorkerCount::observe(const LoaderTimes& span) {
  constexpr double kWaitsTooMuch = 0.02, kReserve = 1.3;
  if (!adapts_ || span.elapsed <= 0) return;
  if (span.waited > kWaitsTooMuch * span.elapsed) {
    least_ = std::min(most_, active_ + 1);
    active_ = std::min(most_, active_ + std::max(1, active_ / 2));
  } else if (active_ > least_ && kReserve * span.busy() <= (active_ - 1) * span.elapsed) {
    --active_;
  }
}

}  // namespace lockstep::data

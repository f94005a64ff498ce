#include "lockstep/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep::optim {

Schedule::Schedule(ScheduleOptions options)
    : options_(std::move(options)),
      warmup_steps_(std::llround(options_.warmup_epochs * static_cast<double>(options_.steps_per_epoch))),
      steps_(options_.steps_per_epoch * options_.epochs) {}

double Schedule::at(int64_t step) const {
  const ScheduleOptions& o = options_;
  if (step < warmup_steps_) return o.rate * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  if (o.shape == "step") {
    double rate = o.rate;
    for (const int64_t epoch : o.drop_after_epochs)
      if (step >= epoch * o.steps_per_epoch) rate *= o.factor;
    return rate;
  }
  const double rest = static_cast<double>(steps_ - warmup_steps_);
  const double x = rest > 0 ? std::min(1.0, static_cast<double>(step - warmup_steps_) / rest) : 1;
  const double height = o.shape == "cosine" ? (1 + std::cos(std::numbers::pi * x)) / 2 : std::pow(1 - x, o.power);
  return o.final_rate + (o.rate - o.final_rate) * height;
}

}  // namespace lockstep::optim

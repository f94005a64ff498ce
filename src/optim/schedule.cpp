#include "lockstep/optim/schedule.h"

namespace lockstep::optim {

Schedule::Schedule(double rate, std::vector<int64_t> drop_after_epochs, double factor, int64_t steps_per_epoch)
    : rate_(rate), factor_(factor), drop_after_steps_(std::move(drop_after_epochs)) {
  for (int64_t& step : drop_after_steps_) step *= steps_per_epoch;
}

double Schedule::at(int64_t step) const {
  double rate = rate_;
  for (const int64_t drop : drop_after_steps_)
    if (step >= drop) rate *= factor_;
  return rate;
}

}  // namespace lockstep::optim

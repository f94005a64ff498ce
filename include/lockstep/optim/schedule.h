#pragma once

#include <cstdint>
#include <vector>

namespace lockstep::optim {

/// The learning rate as a function of the step alone (MXNet's MultiFactorScheduler): the rate drops by `factor` behind
/// each of the given epochs. Step 0 is the first; update number step + 1 > steps_per_epoch * epoch uses the lower rate.
class Schedule {
 public:
  Schedule(double rate, std::vector<int64_t> drop_after_epochs, double factor, int64_t steps_per_epoch);
  double at(int64_t step) const;

 private:
  double rate_, factor_;
  std::vector<int64_t> drop_after_steps_;
};

}  // namespace lockstep::optim

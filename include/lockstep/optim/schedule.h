#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::optim {

/// What a Schedule is made of; epochs may be fractions of one where they are double.
struct ScheduleOptions {
  double rate = 0.1;                        ///< after the warm-up
  int64_t steps_per_epoch = 1, epochs = 1;  ///< of the whole run
  std::string shape = "step";               ///< step | cosine | polynomial
  std::vector<int64_t> drop_after_epochs;   ///< step: the rate drops by `factor` behind each
  double factor = 0.1;
  double power = 2;       ///< polynomial
  double final_rate = 0;  ///< of cosine and polynomial
  double warmup_epochs = 0;
};

/// The learning rate as a function of the step alone; step 0 is the first. T: all steps, W: steps of the warm-up,
/// rounded.
///   step < W: rate (step + 1) / W
///   step: MXNet's MultiFactorScheduler; update number step + 1 > steps_per_epoch * epoch uses the lower rate
///   cosine: final + (rate - final) (1 + cos(pi x)) / 2;  polynomial: final + (rate - final) (1 - x)^power
///   with x = (step - W) / (T - W)
class Schedule {
 public:
  explicit Schedule(ScheduleOptions options);
  double at(int64_t step) const;

 private:
  ScheduleOptions options_;
  int64_t warmup_steps_, steps_;
};

}  // namespace lockstep::optim

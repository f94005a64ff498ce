#include "early_stopping.h"

namespace lockstep::train {

bool record_accuracy(State& state, double accuracy, const Hyperparameters& hyperparameters) {
  const double before = state.best_accuracy;
  const bool better = accuracy > before;
  const bool enough = before <= 0 || (accuracy - before) / before >= hyperparameters.early_stopping_tolerance;
  state.stalled = better && enough ? 0 : state.stalled + 1;
  if (better) {
    state.best_accuracy = accuracy;
    state.best_epoch = state.epoch;
  }
  return better;
}

bool should_stop_early(const State& state, const Hyperparameters& hyperparameters) {
  return hyperparameters.early_stopping && state.epoch >= hyperparameters.early_stopping_min_epochs &&
         state.stalled >= hyperparameters.early_stopping_patience;
}

}  // namespace lockstep::train

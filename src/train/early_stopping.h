#pragma once

#include "lockstep/config/config.h"
#include "state.h"

namespace lockstep::train {

/// Takes the validation accuracy of the epoch that `state.epoch` just counted. Returns whether it is the best so far
/// (strictly greater: a tie is not). An epoch counts as stalled when (accuracy - best) / best is not above 0 or is
/// below early_stopping_tolerance.
bool record_accuracy(State& state, double accuracy, const Hyperparameters& hyperparameters);

/// early_stopping: at least early_stopping_min_epochs epochs ran and the last early_stopping_patience of them stalled.
bool should_stop_early(const State& state, const Hyperparameters& hyperparameters);

}  // namespace lockstep::train

#pragma once

namespace lockstep::train {

/// From now on SIGUSR1, SIGTERM and SIGINT ask this process to stop. Before training begins there is nothing to save
/// and they end it at once with exit code 130; so does a second SIGINT.
void catch_stop_signals();

/// Training begins: a signal now waits for the step to end.
void begin_orderly_stop();

/// A signal came. Ranks agree on it with the next exchange: see Step.
bool stop_requested();

}  // namespace lockstep::train

#pragma once

namespace lockstep::train {

/// From now on SIGUSR1, SIGTERM and SIGINT ask this process to stop. Before training begins there is nothing to save
/// and they end it at once with exit code 130; so does a second SIGINT.
void catch_stop_signals();

/// Training begins: a signal now waits for the step to end.
void begin_orderly_stop();

/// The wish that a signal brings is agreed on within about that many seconds, ten at least; otherwise the process ends
/// with exit code 130, because a rank that hangs would keep all from leaving. Call after each step.
void expect_agreement(double seconds);
/// It was: the save that follows may take its time.
void stop_is_agreed();

/// A signal came. Ranks agree on it with the next exchange: see Step.
bool stop_requested();

}  // namespace lockstep::train

#pragma once

namespace lockstep::train {

/// From now on SIGUSR1, SIGTERM and SIGINT ask this process to stop. Before training begins there is nothing to save
/// and they end it at once with exit code 130; so does a second SIGINT.
void catch_stop_signals();

/// Training is about to begin: a signal now waits for the end of a step.
void begin_orderly_stop();

/// The wish that a signal brings is agreed on within about that many seconds, ten at least; otherwise the process ends
/// with exit code 130, because a rank that hangs would keep all from leaving. Call after each step: before the first
/// one, and after postpone_agreement(), nobody gives up.
void expect_agreement(double seconds);
/// What follows may take longer on one rank than on the others, which wait for it: a checkpoint, an evaluation.
void postpone_agreement();
/// It was: the save that follows may take its time.
void stop_is_agreed();

/// The first signal removes this file. One file a process; its path is copied.
void remove_when_asked(const char* file);

/// An error ends this process: a signal that comes while it still tells the others - a launcher has seen one of them
/// end
/// - does so at once, with this exit code.
void leave_with(int exit_code);

/// A signal came. Ranks agree on it with the next exchange: see Step.
bool stop_requested();

}  // namespace lockstep::train

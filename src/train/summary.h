#pragma once

#include <optional>

#include "job.h"
#include "lockstep/track/events.h"
#include "lockstep/track/metrics.h"

namespace lockstep::train {

/// SageMaker's validation lines of an epoch, and the event.
void log_validation(const track::Report& report, const State& state, const Hyperparameters& hyperparameters,
                    double seconds, track::EventLog& events);

/// summary.json of a finished run.
void write_summary(const Path& path, const Job& job, const std::optional<track::Report>& report,
                   double images_per_second, double seconds);

}  // namespace lockstep::train

#pragma once

#include <optional>

#include "job.h"
#include "lockstep/track/events.h"
#include "lockstep/track/metrics.h"

namespace lockstep::train {

/// The figures of a validation, for its event and for summary.json.
void set_figures(track::Event& event, const track::Report& report);

/// summary.json of a finished run.
void write_summary(const Path& path, const Job& job, const std::optional<track::Report>& report,
                   double images_per_second, double seconds);

}  // namespace lockstep::train

#pragma once

#include "lockstep/data/pack.h"

namespace lockstep::cli {

/// What was packed and what was left out, on standard output.
void print_summary(const data::PackSummary& summary, const data::PackOptions& options);

}  // namespace lockstep::cli

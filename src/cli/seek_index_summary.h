#pragma once

#include "lockstep/data/seek_index.h"

namespace lockstep::cli {

/// A line on standard output; `checked`: not written but verified.
void print_summary(const data::SeekIndexSummary& summary, bool checked);

}  // namespace lockstep::cli

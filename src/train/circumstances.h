#pragma once

#include <string>

#include "job.h"

namespace lockstep::train {

/// What decides the bits of a run beside its configuration and its data, as JSON: program, processor, device, ranks,
/// hosts, compute threads (of rank 0). Each checkpoint holds it in circumstances.json.
std::string circumstances_text(const Job& job);

/// What the user should know where they are not those of `before`, the text of a checkpoint; empty where they are, or
/// where the checkpoint does not say.
std::string describe_changed_circumstances(const std::string& before, const Job& job);

}  // namespace lockstep::train

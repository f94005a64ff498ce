#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lockstep/core/file.h"

namespace lockstep::nn {

// Compiled plans of cuDNN, each in a file of its own, as cuDNN writes them: compiling one takes about a second, reading
// it back some 20 ms. They only save time. `title` is a line that says all that decides over a plan: the GPU's model,
// the versions of cuDNN and the driver, the problem. `folder` need not exist; empty: nothing is kept.
//
// A file `plan-<hash of the title>` holds
//   lockstep cuDNN plan 1 HASH TITLE
// and behind that line the plan; HASH is 16 hexadecimal digits, hash() of the plan.

/// Nothing where there is none, or another one, or a damaged one.
std::optional<std::string> read_plan(const Path& folder, const std::string& title);

/// Whole or not at all, for any number of processes at once. Does nothing where the folder cannot be written.
void store_plan(const Path& folder, const std::string& title, std::string_view plan);

}  // namespace lockstep::nn

#pragma once

#include <optional>

#include "lockstep/core/file.h"
#include "lockstep/model/artefact.h"

namespace lockstep::model {

/// A whole model in one file of safetensors: arrays under MXNet's names, and in the metadata `symbol.json`,
/// `lockstep.json` and `epoch`.
void write_own_safetensors(const Path& path, const Artefact& artefact);

/// Nothing when the file is another's: no safetensors, or without a symbol in its metadata. Data Error when it is ours
/// and damaged.
std::optional<Artefact> read_own_safetensors(const Path& path);

}  // namespace lockstep::model

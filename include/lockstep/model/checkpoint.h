#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"

namespace lockstep::model::checkpoint {

// One directory that holds all that a run needs to go on as if never stopped:
//   checkpoints/step-000000123/   tensors.safetensors  state.json  symbol.json  card.json  config.yaml
//   checkpoints/latest            text: the name of the newest complete one
// It is written under a temporary name, synced and renamed, so a name that begins with "step-" is complete.

struct Content {
  Arrays tensors;  ///< weights and statistics under MXNet's names (arg:, aux:), moments as `moment<k>:` + name
  std::map<std::string, std::string> texts;  ///< file name -> text
};

/// "step-000000123"
std::string name_of(int64_t step);

/// Writes and publishes; keeps the newest `keep` complete ones (and never fewer than one). io Error; the ones before
/// stay valid.
Path save(const Path& folder, int64_t step, const Content& content, int64_t keep);

/// The newest complete checkpoint: what `latest` names, or the highest step when that text is lost. Nothing when there
/// is none.
std::optional<Path> find_latest(const Path& folder);

/// Reads and verifies; data Error naming file and reason.
Content load(const Path& checkpoint);

}  // namespace lockstep::model::checkpoint

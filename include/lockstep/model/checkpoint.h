#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"

namespace lockstep::model::checkpoint {

// One directory that holds all that a run needs to go on as if never stopped:
//   checkpoints/step-000000123/   tensors.safetensors  state.json  symbol.json  card.json  config.yaml  SEAL
//   checkpoints/latest            text: the name of the newest complete one
// SEAL holds size and checksum of every other file (src/model/checkpoint_seal.h), so no changed bit is ever read.
// A checkpoint is written under a temporary name, synced, read back and renamed: a name that begins with "step-" is
// complete, whenever the process, the machine or the disk gives up. One process at a time writes into a folder.

struct Content {
  Arrays tensors;  ///< weights and statistics under MXNet's names (arg:, aux:), moments as `moment<k>:` + name
  std::map<std::string, std::string> texts;  ///< file name -> text
};

/// "step-000000123"
std::string name_of(int64_t step);

/// Writes and publishes; a checkpoint of the same step is replaced in one step. Then deletes all but the newest `keep`
/// that verify (this one is always among them) and those of the steps in `protect`; a damaged one counts for nothing,
/// and one of a higher step, which the run has gone back behind, for the oldest.
/// io Error naming the file and what is still there: too little space (asked before anything is written), a failed
/// write or sync, other bytes read back than were written. The ones before stay valid, and the temporary folder goes.
Path save(const Path& folder, int64_t step, const Content& content, int64_t keep,
          const std::vector<int64_t>& protect = {});

/// The newest complete checkpoint: what `latest` names, or the highest step when that text is lost. Nothing when there
/// is none. Its content is not looked at.
std::optional<Path> find_latest(const Path& folder);

/// Reads and verifies everything; data Error naming file (and tensor) and reason.
Content load(const Path& checkpoint);

struct Loaded {
  Path path;
  Content content;
};

/// The newest complete checkpoint that verifies: what `latest` names, then the others by falling step. Each one passed
/// over becomes a note that says what is wrong with it, and so does a `latest` that is damaged or names another than
/// the highest step. Nothing when there is none at all; a data Error listing them when all are damaged.
std::optional<Loaded> load_newest(const Path& folder, std::vector<std::string>& notes);

}  // namespace lockstep::model::checkpoint

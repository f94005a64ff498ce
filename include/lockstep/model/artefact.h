#pragma once

#include <optional>
#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"
#include "lockstep/model/card.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// A trained model as files: SageMaker's layout and lockstep.json.
///   image-classification-symbol.json, image-classification-NNNN.params (NNNN = epochs finished), model-shapes.json,
///   lockstep.json
struct Artefact {
  Graph graph;
  Arrays arrays;  ///< `arg:` and `aux:` names, MXNet's order
  Card card;
  int64_t epoch = 0;   ///< NNNN
  int64_t batch = 1;   ///< first number of model-shapes.json
  std::string source;  ///< the file that was read
};

/// Writes the files into `folder` in one step each, params first; other epochs' .params are removed unless
/// `keep_others`.
void write_artefact(const Path& folder, const Artefact& artefact, bool keep_others);

/// Packs the files of `folder` flat into `archive` (gzip), complete or not at all.
void pack_artefact(const Path& folder, const Path& archive);

/// Reads model.tar.gz, an unpacked folder, a folder that holds the archive, PREFIX, PREFIX-symbol.json or
/// PREFIX-NNNN.params of a folder, a checkpoint, a folder of checkpoints (the newest that verifies; each one passed
/// over is a warning), or weights of the torch world (.pth, .safetensors), which may lie alone in an archive or folder
/// too. Of several models in a folder it takes "image-classification"; of several .params the one of the epoch that
/// origin["best_epoch"] of lockstep.json names, else the newest. Without lockstep.json the card says what graph and
/// model-shapes.json tell (without that, the input size is guessed from the shapes of the arrays), and SageMaker's rule
/// for the rest. Data Error naming what was looked for.
Artefact read_artefact(const Path& path);

}  // namespace lockstep::model

#pragma once

#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/artefact.h"

namespace lockstep::model {

struct ConvertOptions {
  bool half = false;         ///< convolution and linear weights as float16
  bool torch_names = false;  ///< in .safetensors: torch's names, as load_state_dict() wants them
};

/// float32 arrays of two and more dimensions as float16, rounded to nearest even; the others, BatchNorm's among them,
/// stay float32 as in MXNet's own 16-bit files. Data Error naming the array when a value is too large for float16.
Arrays to_half(const Arrays& arrays);

/// Writes the model that read_artefact() finds at `from` in the form that the name `to` asks for:
///   x.tar.gz, x.tgz       SageMaker's model.tar.gz
///   x-0012.params         x-symbol.json beside it, and model-shapes.json and lockstep.json in that folder
///   x.safetensors         one file that read_artefact() takes again whole, or with torch_names what torch takes
///   x                     a folder with SageMaker's files
/// Graph, names, values and card are kept, so that a form that MXNet 1.x wrote comes back byte for byte from each. A
/// model with the file names of another epoch takes that of x-NNNN.params. Usage Error when `to` asks for nothing of
/// these, or for torch's names elsewhere.
Artefact convert(const Path& from, const Path& to, const ConvertOptions& options = {});

}  // namespace lockstep::model

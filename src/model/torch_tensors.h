#pragma once

#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"

namespace lockstep::model {

/// Whether the bytes begin like a file of torch.save, of any age.
bool is_torch(Bytes bytes);

/// The weights in a file of torch.save: zip archives (since torch 1.6) and the older pickles. Nothing in the file is
/// executed. Names are those of the file; of a dict that wraps others the one with the most tensors is taken, and among
/// equals averaged weights (state_dict_ema, model_ema), which are those that their projects evaluate and publish, then
/// state_dict, model_state_dict, model or net. Values that are no tensors are passed over.
/// Data Error with `where` and what is wrong: damage, Python objects other than tensors, TorchScript.
Arrays read_torch_tensors(Bytes bytes, const std::string& where);

}  // namespace lockstep::model

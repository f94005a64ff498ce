#pragma once

#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/mxnet.h"

namespace lockstep::model {

/// read_safetensors() of bytes that are in memory; `where` is their name in messages.
Safetensors parse_safetensors(Bytes bytes, const std::string& where);

}  // namespace lockstep::model

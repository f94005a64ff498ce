#pragma once

#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"

namespace lockstep::model {

/// read_params() of bytes that are in memory; `where` is their name in messages.
Arrays parse_params(Bytes bytes, const std::string& where);

}  // namespace lockstep::model

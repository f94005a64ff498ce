#pragma once

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// target[i] = target[i] op source[i]. The two do not overlap; whole numbers wrap around.
void combine(Op op, DType dtype, void* target, const void* source, size_t count);

}  // namespace lockstep::comm

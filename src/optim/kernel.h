#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lockstep/optim/optimizer.h"

// Compiled for the processors of today, chosen when the program starts.
#define LOCKSTEP_VECTORISED __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))

namespace lockstep::optim {

/// Updates the elements begin..end of the flat buffers; `decay` is 0 where the piece does not decay.
using PieceKernel = std::function<void(int64_t begin, int64_t end, float decay, float rate_factor)>;

/// Calls the kernel over all pieces, several threads at once.
void for_each_piece(const std::vector<Piece>& pieces, double weight_decay, const PieceKernel& kernel);

}  // namespace lockstep::optim

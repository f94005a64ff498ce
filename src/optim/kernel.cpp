#include "kernel.h"

#include <ATen/Parallel.h>

namespace lockstep::optim {
namespace {

// Elements that a thread takes at least: below, starting threads costs more than the work.
constexpr int64_t kGrain = 1 << 16;

}  // namespace

void for_each_piece(const std::vector<Piece>& pieces, double weight_decay, const PieceKernel& kernel) {
  for (const Piece& piece : pieces)
    at::parallel_for(piece.begin, piece.end, kGrain, [&](int64_t begin, int64_t end) {
      kernel(begin, end, piece.decays ? static_cast<float>(weight_decay) : 0.0f, static_cast<float>(piece.rate_factor));
    });
}

}  // namespace lockstep::optim

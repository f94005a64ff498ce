#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formula.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {

// The kernel that does a whole update on a GPU: parameters, gradients and moments are read once, parameters, moments
// and the 16-bit copy written in the same pass. Nothing here needs a GPU.

// clang-format off
LOCKSTEP_SHARED(kUpdateText,
/// A part of a piece: what one block of threads updates.
struct Chunk {
  long long begin;
  int count;
  float rate_factor, decay;
};

enum CopyType { kNoCopy, kBfloat16Copy, kFloat16Copy };

/// Where everything lies; w, g, m and v begin at multiples of 16 bytes, copy of 8.
struct UpdateBuffers {
  float* w;
  const float* g;
  float* m;
  float* v;
  unsigned short* copy;
  int copy_type;
  const float* control;
  long long* applied;
  unsigned* finished;
  const Chunk* chunks;
};
)
// clang-format on

inline constexpr int kUpdateThreads = 256;  ///< of a block
inline constexpr char kUpdateKernel[] = "lockstep_update";

/// The kernel's text: lockstep_update(UpdateBuffers, Constants), to be started with a block for each chunk.
/// control[kApply] = 0: it changes nothing. Otherwise it counts the update in `applied` when its last block ends;
/// `finished` is 0 before and after.
std::string update_kernel_text(const Formula& formula);

/// The pieces in chunks; an empty one where there are none, since an update without pieces counts too.
std::vector<Chunk> divide(const std::vector<Piece>& pieces, double weight_decay);

/// The addresses of these tensors, for a kernel; without `finished` and `chunks`. Bug Error where one is not aligned or
/// has a wrong type.
UpdateBuffers update_buffers(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
                             const std::vector<at::Tensor>& moments, const at::Tensor& applied,
                             const at::Tensor& working_copy);

}  // namespace lockstep::optim

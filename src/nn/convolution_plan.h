#pragma once

#ifdef LOCKSTEP_CUDA

#include <optional>
#include <vector>

#include "cudnn_backend.h"
#include "plan_cache.h"

namespace lockstep::nn {

/// The memory of a convolution, each 16-byte aligned: `x` and `y` are input and output or their gradients, `w` the
/// weight or its gradient. The part that is computed is written, the other two are read.
struct ConvolutionMemory {
  void* x = nullptr;
  void* w = nullptr;
  void* y = nullptr;
  void* workspace = nullptr;  ///< ConvolutionPlan::workspace_bytes() of them; null where there are none
};

/// A compiled convolution. One thread at a time; any stream of the GPU that it was built for.
class ConvolutionPlan {
 public:
  ConvolutionPlan(backend::Descriptor plan, backend::Descriptor config);
  size_t workspace_bytes() const { return workspace_bytes_; }
  /// Puts the work on the handle's stream. May be recorded into a CUDA graph. device Error.
  void run(cudnnHandle_t handle, const ConvolutionMemory& memory) const;

 private:
  backend::Descriptor plan_, config_;
  size_t workspace_bytes_ = 0;
};

/// A problem in cuDNN's terms: an operation graph of one node, alpha 1 and beta 0, sums in float32.
class ConvolutionGraph {
 public:
  /// device Error where cuDNN refuses it as a whole. Without a handle plans are made for `device`, a descriptor of a
  /// GPU's properties, and cannot run: so they can be tried where no GPU is.
  ConvolutionGraph(const ConvolutionProblem& problem, cudnnHandle_t handle, backend::Descriptor device = {});

  /// What cuDNN recommends, best first. Left out is what the problem excludes: nondeterministic engines, and for
  /// float32 those that round the inputs (kFloat32: tensor cores at all, as LibTorch does).
  std::vector<PlanChoice> candidates(cudnnBackendHeurMode_t mode) const;

  /// The plan of a choice; nothing where cuDNN cannot build it, or where it wants more workspace than this.
  std::optional<ConvolutionPlan> build(const PlanChoice& choice, size_t workspace_limit) const;

 private:
  backend::Descriptor configure(const PlanChoice& choice) const;
  bool allows(const backend::Descriptor& engine) const;

  ConvolutionProblem problem_;
  backend::Descriptor device_, graph_;
};

}  // namespace lockstep::nn

#endif

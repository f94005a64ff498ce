#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lockstep/core/table.h"

namespace lockstep::optim {

/// A piece of the flat buffers that is updated alike; neighbours of the same kind are one piece.
struct Piece {
  int64_t begin = 0, end = 0;
  bool decays = true;
  double rate_factor = 1.0;
};

/// What the makers read; each takes what its rule has.
struct OptimizerOptions {
  double momentum = 0.9;
  double weight_decay = 0.0001;
  double beta_1 = 0.9, beta_2 = 0.999, eps = 1e-8, gamma = 0.9;
  bool decay_all = false;  ///< adam and rmsprop decay too; without it they ignore weight_decay, as SageMaker documents
};

/// Changes parameters by their gradients for one given learning rate, and owns its moments: flat float32 tensors of the
/// same layout, on the device of the parameters. Arithmetic as MXNet's; the formula stands at the head of each source.
/// One thread calls, several compute.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update in place. g = rescale * gradients. `parameters` is [P]; `gradients` has at least P elements, the first
  /// P count.
  virtual void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double rescale) = 0;

  /// Moments, [P] each: for checkpoints.
  std::vector<at::Tensor>& moments() { return moments_; }
  /// Updates applied: adam's t; a skipped step does not count.
  int64_t& applied() { return applied_; }

 protected:
  /// `n_moments` zeroed moments like `parameters`.
  Optimizer(std::vector<Piece> pieces, const at::Tensor& parameters, int n_moments);
  std::vector<Piece> pieces_;
  std::vector<at::Tensor> moments_;
  int64_t applied_ = 0;
};

using MakeOptimizer = std::unique_ptr<Optimizer> (*)(std::vector<Piece> pieces, const at::Tensor& parameters,
                                                     const OptimizerOptions& options);
/// The rows of optimizers.def.
std::span<const Entry<MakeOptimizer>> optimizers();
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, std::vector<Piece> pieces,
                                          const at::Tensor& parameters, const OptimizerOptions& options);

}  // namespace lockstep::optim

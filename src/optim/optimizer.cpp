#include "lockstep/optim/optimizer.h"

#include <array>

#include <ATen/ops/zeros_like.h>

namespace lockstep::optim {

#define OPTIMIZER(name, maker, help)                                                        \
  std::unique_ptr<Optimizer> maker(std::vector<Piece> pieces, const at::Tensor& parameters, \
                                   const OptimizerOptions& options);
#include "lockstep/optim/optimizers.def"
#undef OPTIMIZER

Optimizer::Optimizer(std::vector<Piece> pieces, const at::Tensor& parameters, int n_moments)
    : pieces_(std::move(pieces)) {
  for (int k = 0; k < n_moments; ++k) moments_.push_back(at::zeros_like(parameters));
}

std::span<const Entry<MakeOptimizer>> optimizers() {
  static constexpr std::array kRows = {
#define OPTIMIZER(name, maker, help) Entry<MakeOptimizer>{name, help, maker},
#include "lockstep/optim/optimizers.def"
#undef OPTIMIZER
  };
  return kRows;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, std::vector<Piece> pieces,
                                          const at::Tensor& parameters, const OptimizerOptions& options) {
  return find_entry(optimizers(), name, "optimizer").make(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

// MXNet's rmsprop, not centred: epsilon stands under the root (torch's stands outside).
//   G = g + wd w;  n <- gamma n + (1 - gamma) G^2;  w <- w - lr G / sqrt(n + eps)
#include <cmath>

#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update_values(float* w, const float* g, float* n, int64_t count, float rate, float gamma, float eps, float decay,
                   float rescale) {
  for (int64_t i = 0; i < count; ++i) {
    const float full = rescale * g[i] + decay * w[i];
    n[i] = gamma * n[i] + (1 - gamma) * full * full;
    w[i] -= rate * full / std::sqrt(n[i] + eps);
  }
}

class RmsProp : public Optimizer {
 public:
  RmsProp(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 1, options.decay_all ? options.weight_decay : 0), options_(options) {}

 protected:
  void update(const Slice& s) const override {
    update_values(s.w, s.g, s.m, s.count, s.rate, static_cast<float>(options_.gamma), static_cast<float>(options_.eps),
                  s.decay, s.rescale);
  }

  Values updated(const Tensors& now) const override {
    const at::Tensor n = now.old.m.mul(options_.gamma).add_(now.g.square().mul_(1 - options_.gamma));
    return {.w = now.old.w.sub(now.g.mul(now.rate).div_(n.add(options_.eps).sqrt_())), .m = n};
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> make_rmsprop(std::vector<Piece> pieces, const at::Tensor& parameters,
                                        const OptimizerOptions& options) {
  return std::make_unique<RmsProp>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

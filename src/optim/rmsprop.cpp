// MXNet's rmsprop, not centred: epsilon stands under the root (torch's stands outside).
//   G = g + wd w;  n <- gamma n + (1 - gamma) G^2;  w <- w - lr G / sqrt(n + eps)
#include "formula.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

// m is n here, beta_2 is gamma.
LOCKSTEP_UPDATE(rmsprop, {
  m = c.beta_2 * m + c.rest_2 * g * g;
  w -= rate * g / sqrtf(m + c.eps);
})

LOCKSTEP_VECTORISED
void update_values(float* w, const float* g, float* n, int64_t count, Rates r, Constants c) {
  float none = 0;
  for (int64_t i = 0; i < count; ++i) rmsprop(w[i], decayed(g[i], w[i], r), n[i], none, r.rate, c);
}

class RmsProp : public Optimizer {
 public:
  RmsProp(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 1, options.decay_all ? options.weight_decay : 0, options.plain),
        options_(options) {}

  Formula formula() const override {
    return {.update = rmsprop_text,
            .constants = {.beta_2 = static_cast<float>(options_.gamma),
                          .rest_2 = static_cast<float>(1 - options_.gamma),
                          .eps = static_cast<float>(options_.eps)}};
  }

 protected:
  void update(const Slice& s) const override {
    update_values(s.w, s.g, s.m, s.count, {s.rate, s.decay, s.rescale}, formula().constants);
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

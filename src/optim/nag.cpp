// Nesterov momentum as MXNet <= 1.4 (which SageMaker runs) and torch have it: the learning rate stands outside the
// momentum.
//   G = g + wd w;  m <- mu m + G;  w <- w - lr (G + mu m)
#include "formula.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_UPDATE(nag, {
  m = c.momentum * m + g;
  w -= rate * (g + c.momentum * m);
})

LOCKSTEP_VECTORISED
void update_values(float* w, const float* g, float* m, int64_t count, Rates r, Constants c) {
  float none = 0;
  for (int64_t i = 0; i < count; ++i) nag(w[i], decayed(g[i], w[i], r), m[i], none, r.rate, c);
}

class Nag : public Optimizer {
 public:
  Nag(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 1, options.weight_decay, options.plain), momentum_(options.momentum) {}

  Formula formula() const override {
    return {.update = nag_text, .constants = {.momentum = static_cast<float>(momentum_)}};
  }

 protected:
  void update(const Slice& s) const override {
    update_values(s.w, s.g, s.m, s.count, {s.rate, s.decay, s.rescale}, formula().constants);
  }

  Values updated(const Tensors& now) const override {
    const at::Tensor m = now.old.m.mul(momentum_).add_(now.g);
    return {.w = now.old.w.sub(now.g.add(m, momentum_).mul_(now.rate)), .m = m};
  }

 private:
  double momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_nag(std::vector<Piece> pieces, const at::Tensor& parameters,
                                    const OptimizerOptions& options) {
  return std::make_unique<Nag>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

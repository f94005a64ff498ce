// torch.optim.SGD with momentum: dampening 0, no Nesterov. The learning rate stands outside the momentum, so a drop of
// the rate acts on past gradients too.
//   mu > 0:  m <- mu m + (g + wd w);  w <- w - lr m      (m begins as 0, so the first m is the gradient)
//   mu = 0:  w <- w - lr (g + wd w)
#include "formula.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_UPDATE(with_momentum, {
  m = c.momentum * m + g;
  w -= rate * m;
})
LOCKSTEP_UPDATE(plain, { w -= rate * g; })

LOCKSTEP_VECTORISED
void update_with_momentum(float* w, const float* g, float* m, int64_t count, Rates r, Constants c) {
  float none = 0;
  for (int64_t i = 0; i < count; ++i) with_momentum(w[i], decayed(g[i], w[i], r), m[i], none, r.rate, c);
}

LOCKSTEP_VECTORISED
void update_plain(float* w, const float* g, int64_t count, Rates r, Constants c) {
  float none = 0;
  for (int64_t i = 0; i < count; ++i) plain(w[i], decayed(g[i], w[i], r), none, none, r.rate, c);
}

class SgdTorch : public Optimizer {
 public:
  SgdTorch(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, options.momentum > 0 ? 1 : 0, options.weight_decay, options.plain),
        momentum_(options.momentum) {}

  Formula formula() const override {
    return {.update = momentum_ > 0 ? with_momentum_text : plain_text,
            .constants = {.momentum = static_cast<float>(momentum_)}};
  }

 protected:
  void update(const Slice& s) const override {
    const Constants constants = formula().constants;
    if (s.m)
      update_with_momentum(s.w, s.g, s.m, s.count, {s.rate, s.decay, s.rescale}, constants);
    else
      update_plain(s.w, s.g, s.count, {s.rate, s.decay, s.rescale}, constants);
  }

  Values updated(const Tensors& now) const override {
    if (!now.old.m.defined()) return {.w = now.old.w.sub(now.g.mul(now.rate))};
    const at::Tensor m = now.old.m.mul(momentum_).add_(now.g);
    return {.w = now.old.w.sub(m.mul(now.rate)), .m = m};
  }

 private:
  double momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd_torch(std::vector<Piece> pieces, const at::Tensor& parameters,
                                          const OptimizerOptions& options) {
  return std::make_unique<SgdTorch>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

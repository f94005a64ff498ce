// MXNet's sgd: the learning rate stands inside the momentum, so a drop of the rate acts on new gradients alone.
//   momentum > 0:  m <- mu m - lr (g + wd w);  w <- w + m
//   momentum = 0:  w <- w - lr (g + wd w)
#include "formula.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_UPDATE(with_momentum, {
  m = c.momentum * m - rate * g;
  w += m;
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

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
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
    const at::Tensor m = now.old.m.mul(momentum_).sub_(now.g.mul(now.rate));
    return {.w = now.old.w.add(m), .m = m};
  }

 private:
  double momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(std::vector<Piece> pieces, const at::Tensor& parameters,
                                    const OptimizerOptions& options) {
  return std::make_unique<Sgd>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

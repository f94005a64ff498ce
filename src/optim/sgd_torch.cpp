// torch.optim.SGD with momentum: dampening 0, no Nesterov. The learning rate stands outside the momentum, so a drop of
// the rate acts on past gradients too.
//   mu > 0:  m <- mu m + (g + wd w);  w <- w - lr m      (m begins as 0, so the first m is the gradient)
//   mu = 0:  w <- w - lr (g + wd w)
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update_with_momentum(float* w, const float* g, float* m, int64_t count, float rate, float momentum, float decay,
                          float rescale) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = momentum * m[i] + (rescale * g[i] + decay * w[i]);
    w[i] -= rate * m[i];
  }
}

LOCKSTEP_VECTORISED
void update_plain(float* w, const float* g, int64_t count, float rate, float decay, float rescale) {
  for (int64_t i = 0; i < count; ++i) w[i] -= rate * (rescale * g[i] + decay * w[i]);
}

class SgdTorch : public Optimizer {
 public:
  SgdTorch(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, options.momentum > 0 ? 1 : 0, options.weight_decay),
        options_(options) {}

 protected:
  void update(const Slice& s) const override {
    if (s.m)
      update_with_momentum(s.w, s.g, s.m, s.count, s.rate, static_cast<float>(options_.momentum), s.decay, s.rescale);
    else
      update_plain(s.w, s.g, s.count, s.rate, s.decay, s.rescale);
  }

  Values updated(const Tensors& now) const override {
    if (!now.old.m.defined()) return {.w = now.old.w.sub(now.g.mul(now.rate))};
    const at::Tensor m = now.old.m.mul(options_.momentum).add_(now.g);
    return {.w = now.old.w.sub(m.mul(now.rate)), .m = m};
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd_torch(std::vector<Piece> pieces, const at::Tensor& parameters,
                                          const OptimizerOptions& options) {
  return std::make_unique<SgdTorch>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

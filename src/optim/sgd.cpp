// MXNet's sgd: the learning rate stands inside the momentum, so a drop of the rate acts on new gradients alone.
//   momentum > 0:  m <- mu m - lr (g + wd w);  w <- w + m
//   momentum = 0:  w <- w - lr (g + wd w)
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update_with_momentum(float* w, const float* g, float* m, int64_t count, float rate, float momentum, float decay,
                          float rescale) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = momentum * m[i] - rate * (rescale * g[i] + decay * w[i]);
    w[i] += m[i];
  }
}

LOCKSTEP_VECTORISED
void update_plain(float* w, const float* g, int64_t count, float rate, float decay, float rescale) {
  for (int64_t i = 0; i < count; ++i) w[i] -= rate * (rescale * g[i] + decay * w[i]);
}

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
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
    const at::Tensor m = now.old.m.mul(options_.momentum).sub_(now.g.mul(now.rate));
    return {.w = now.old.w.add(m), .m = m};
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(std::vector<Piece> pieces, const at::Tensor& parameters,
                                    const OptimizerOptions& options) {
  return std::make_unique<Sgd>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

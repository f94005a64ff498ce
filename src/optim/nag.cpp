// Nesterov momentum as MXNet <= 1.4 (which SageMaker runs) and torch have it: the learning rate stands outside the
// momentum.
//   G = g + wd w;  m <- mu m + G;  w <- w - lr (G + mu m)
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update_values(float* w, const float* g, float* m, int64_t count, float rate, float momentum, float decay,
                   float rescale) {
  for (int64_t i = 0; i < count; ++i) {
    const float full = rescale * g[i] + decay * w[i];
    m[i] = momentum * m[i] + full;
    w[i] -= rate * (full + momentum * m[i]);
  }
}

class Nag : public Optimizer {
 public:
  Nag(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 1, options.weight_decay), options_(options) {}

 protected:
  void update(const Slice& s) const override {
    update_values(s.w, s.g, s.m, s.count, s.rate, static_cast<float>(options_.momentum), s.decay, s.rescale);
  }

  Values updated(const Tensors& now) const override {
    const at::Tensor m = now.old.m.mul(options_.momentum).add_(now.g);
    return {.w = now.old.w.sub(now.g.add(m, options_.momentum).mul_(now.rate)), .m = m};
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> make_nag(std::vector<Piece> pieces, const at::Tensor& parameters,
                                    const OptimizerOptions& options) {
  return std::make_unique<Nag>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

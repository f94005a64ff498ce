// MXNet's adam: epsilon stands beside the root that is not bias-corrected (torch's is), t counts applied updates
// from 1.
//   G = g + wd w;  m <- b1 m + (1 - b1) G;  v <- b2 v + (1 - b2) G^2
//   w <- w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)
#include "formula.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::optim {
namespace {

// 1 - b^t as -expm1(t log b) keeps 7 digits in float32 for every t.
LOCKSTEP_RATE(corrected, { return rate * sqrtf(-expm1f(t * c.log_beta_2)) / -expm1f(t * c.log_beta_1); })
LOCKSTEP_UPDATE(adam, {
  m = c.beta_1 * m + c.rest_1 * g;
  v = c.beta_2 * v + c.rest_2 * g * g;
  w -= rate * m / (sqrtf(v) + c.eps);
})

LOCKSTEP_VECTORISED
void update_values(float* w, const float* g, float* m, float* v, int64_t count, Rates r, Constants c) {
  for (int64_t i = 0; i < count; ++i) adam(w[i], decayed(g[i], w[i], r), m[i], v[i], r.rate, c);
}

class Adam : public Optimizer {
 public:
  Adam(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 2, options.decay_all ? options.weight_decay : 0, options.plain),
        options_(options) {}

  Formula formula() const override {
    return {.update = adam_text,
            .rate = corrected_text,
            .constants = {.beta_1 = static_cast<float>(options_.beta_1),
                          .rest_1 = static_cast<float>(1 - options_.beta_1),
                          .log_beta_1 = static_cast<float>(std::log(options_.beta_1)),
                          .beta_2 = static_cast<float>(options_.beta_2),
                          .rest_2 = static_cast<float>(1 - options_.beta_2),
                          .log_beta_2 = static_cast<float>(std::log(options_.beta_2)),
                          .eps = static_cast<float>(options_.eps)}};
  }

 protected:
  void update(const Slice& s) const override {
    const Constants constants = formula().constants;
    const float rate = corrected(s.rate, static_cast<float>(s.t), constants);
    update_values(s.w, s.g, s.m, s.v, s.count, {rate, s.decay, s.rescale}, constants);
  }

  Values updated(const Tensors& now) const override {
    const auto rest = [&](double beta) { return now.t.mul(std::log(beta)).exp().neg().add(1); };  // 1 - beta^t
    const at::Tensor rate = now.rate.mul(rest(options_.beta_2).sqrt().div(rest(options_.beta_1)).to(at::kFloat));
    const at::Tensor m = now.old.m.mul(options_.beta_1).add_(now.g, 1 - options_.beta_1);
    const at::Tensor v = now.old.v.mul(options_.beta_2).add_(now.g.square().mul_(1 - options_.beta_2));
    return {.w = now.old.w.sub(m.mul(rate).div_(v.sqrt().add_(options_.eps))), .m = m, .v = v};
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(std::vector<Piece> pieces, const at::Tensor& parameters,
                                     const OptimizerOptions& options) {
  return std::make_unique<Adam>(std::move(pieces), parameters, options);
}

}  // namespace lockstep::optim

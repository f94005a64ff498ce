// MXNet's adam: epsilon stands beside the root that is not bias-corrected (torch's is), t counts applied updates
// from 1.
//   G = g + wd w;  m <- b1 m + (1 - b1) G;  v <- b2 v + (1 - b2) G^2
//   w <- w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)
#include <cmath>

#include "kernel.h"

namespace lockstep::optim {
namespace {

// 1 - beta is rounded once, from float64: 1 - 0.999f is off by 1e-5 of itself.
struct Constants {
  float beta_1, rest_1, beta_2, rest_2, eps, rescale;
};

LOCKSTEP_VECTORISED
void update(float* w, const float* g, float* m, float* v, int64_t count, float rate, float decay, Constants c) {
  for (int64_t i = 0; i < count; ++i) {
    const float full = c.rescale * g[i] + decay * w[i];
    m[i] = c.beta_1 * m[i] + c.rest_1 * full;
    v[i] = c.beta_2 * v[i] + c.rest_2 * full * full;
    w[i] -= rate * m[i] / (std::sqrt(v[i]) + c.eps);
  }
}

class Adam : public Optimizer {
 public:
  Adam(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 2), options_(options) {}

  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double rescale) override {
    const auto t = static_cast<double>(++applied_);
    const double corrected =
        learning_rate * std::sqrt(1 - std::pow(options_.beta_2, t)) / (1 - std::pow(options_.beta_1, t));
    const Constants constants{.beta_1 = static_cast<float>(options_.beta_1),
                              .rest_1 = static_cast<float>(1 - options_.beta_1),
                              .beta_2 = static_cast<float>(options_.beta_2),
                              .rest_2 = static_cast<float>(1 - options_.beta_2),
                              .eps = static_cast<float>(options_.eps),
                              .rescale = static_cast<float>(rescale)};
    float* w = parameters.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    float* m = moments_[0].mutable_data_ptr<float>();
    float* v = moments_[1].mutable_data_ptr<float>();
    for_each_piece(pieces_, options_.decay_all ? options_.weight_decay : 0,
                   [&](int64_t begin, int64_t end, float decay, float factor) {
                     update(w + begin, g + begin, m + begin, v + begin, end - begin,
                            static_cast<float>(corrected) * factor, decay, constants);
                   });
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

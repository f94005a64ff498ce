// MXNet's rmsprop, not centred: epsilon stands under the root (torch's stands outside).
//   G = g + wd w;  n <- gamma n + (1 - gamma) G^2;  w <- w - lr G / sqrt(n + eps)
#include <cmath>

#include "kernel.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update(float* w, const float* g, float* n, int64_t count, float rate, float gamma, float eps, float decay,
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
      : Optimizer(std::move(pieces), parameters, 1), options_(options) {}

  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double rescale) override {
    float* w = parameters.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    float* n = moments_[0].mutable_data_ptr<float>();
    for_each_piece(pieces_, options_.decay_all ? options_.weight_decay : 0,
                   [&](int64_t begin, int64_t end, float decay, float factor) {
                     update(w + begin, g + begin, n + begin, end - begin, static_cast<float>(learning_rate) * factor,
                            static_cast<float>(options_.gamma), static_cast<float>(options_.eps), decay,
                            static_cast<float>(rescale));
                   });
    ++applied_;
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

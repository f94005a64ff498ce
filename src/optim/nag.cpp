// Nesterov momentum as MXNet <= 1.4 (which SageMaker runs) and torch have it: the learning rate stands outside the
// momentum.
//   G = g + wd w;  m <- mu m + G;  w <- w - lr (G + mu m)
#include "kernel.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update(float* w, const float* g, float* m, int64_t count, float rate, float momentum, float decay, float rescale) {
  for (int64_t i = 0; i < count; ++i) {
    const float full = rescale * g[i] + decay * w[i];
    m[i] = momentum * m[i] + full;
    w[i] -= rate * (full + momentum * m[i]);
  }
}

class Nag : public Optimizer {
 public:
  Nag(std::vector<Piece> pieces, const at::Tensor& parameters, const OptimizerOptions& options)
      : Optimizer(std::move(pieces), parameters, 1), options_(options) {}

  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double rescale) override {
    float* w = parameters.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    float* m = moments_[0].mutable_data_ptr<float>();
    for_each_piece(pieces_, options_.weight_decay, [&](int64_t begin, int64_t end, float decay, float factor) {
      update(w + begin, g + begin, m + begin, end - begin, static_cast<float>(learning_rate) * factor,
             static_cast<float>(options_.momentum), decay, static_cast<float>(rescale));
    });
    ++applied_;
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

// MXNet's sgd: the learning rate stands inside the momentum, so a drop of the rate acts on new gradients alone.
//   momentum > 0:  m <- mu m - lr (g + wd w);  w <- w + m
//   momentum = 0:  w <- w - lr (g + wd w)
#include "kernel.h"

namespace lockstep::optim {
namespace {

LOCKSTEP_VECTORISED
void update(float* w, const float* g, float* m, int64_t count, float rate, float momentum, float decay, float rescale) {
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
      : Optimizer(std::move(pieces), parameters, options.momentum > 0 ? 1 : 0), options_(options) {}

  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double rescale) override {
    float* w = parameters.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    float* m = moments_.empty() ? nullptr : moments_[0].mutable_data_ptr<float>();
    for_each_piece(pieces_, options_.weight_decay, [&](int64_t begin, int64_t end, float decay, float factor) {
      const float rate = static_cast<float>(learning_rate) * factor;
      if (m)
        update(w + begin, g + begin, m + begin, end - begin, rate, static_cast<float>(options_.momentum), decay,
               static_cast<float>(rescale));
      else
        update_plain(w + begin, g + begin, end - begin, rate, decay, static_cast<float>(rescale));
    });
    ++applied_;
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

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/image/plan.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/network.h"

namespace lockstep::serve {

struct PredictorOptions {
  Path model;                    ///< as model::read_artefact() takes it
  std::string inference_resize;  ///< "stretch" or "crop" instead of what the model says; empty: the model's
  std::string image_shape;       ///< "C,H,W" instead of the model's; empty: the model's
  int64_t max_pixels = 178'000'000;
  int threads = 0;  ///< 0: available cores
};

/// A model that answers for pictures, preprocessed as its card says. One thread.
class Predictor {
 public:
  explicit Predictor(const PredictorOptions& options);

  /// One row a picture: logits, in the order of the classes. Data Error naming the picture by its place in `pictures`
  /// and the reason.
  std::vector<std::vector<float>> logits(const std::vector<Bytes>& pictures);
  /// The same as probabilities: softmax, or one sigmoid a label.
  std::vector<std::vector<float>> probabilities(const std::vector<Bytes>& pictures);

  const model::Card& card() const { return card_; }
  /// The name of label k, or its number when the model knows no names.
  std::string class_name(int64_t k) const;
  bool multi_label() const { return network_->multi_label(); }

 private:
  model::Card card_;
  image::PlanOptions plan_;
  int64_t max_pixels_;
  std::unique_ptr<nn::Network> network_;
};

}  // namespace lockstep::serve

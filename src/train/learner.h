#pragma once

#include <memory>
#include <optional>

#include "lockstep/nn/network.h"
#include "lockstep/optim/average.h"
#include "lockstep/optim/loss_scaler.h"
#include "lockstep/optim/optimizer.h"

namespace lockstep::train {

/// All that a step changes: weights, statistics, moments, and what keeps them in order. On one device.
struct Learner {
  std::unique_ptr<nn::Network> network;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::optional<optim::LossScaler> scaler;                               ///< float16 alone
  std::optional<optim::Average> average_parameters, average_statistics;  ///< run.ema_decay: both, or none
};

/// The network has the averaged weights and statistics while this lives, and the averages hold the network's own.
/// Nothing happens where no average is kept.
class UseAverages {
 public:
  explicit UseAverages(Learner& learner) : learner_(learner) { exchange(); }
  ~UseAverages() { exchange(); }
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  void exchange();
  Learner& learner_;
};

}  // namespace lockstep::train

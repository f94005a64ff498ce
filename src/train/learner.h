#pragma once

#include <memory>
#include <optional>

#include "lockstep/config/config.h"
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

/// The network of a configuration's row of networks.def; `classes` where it names no number of them.
model::NetworkOptions network_options(const Config& config, int64_t classes);
model::Graph make_graph(const Config& config);

/// That graph, its optimizer and what goes with them, with new weights, by a resolved configuration. Usage Error naming
/// a pattern of run.freeze that fits no parameter.
Learner build_learner(const Config& config, model::Graph graph, nn::Compute compute);

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

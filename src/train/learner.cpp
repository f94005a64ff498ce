#include "learner.h"

#include <algorithm>
#include <map>

#include <fnmatch.h>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/network.h"

namespace lockstep::train {
namespace {

void exchange_values(at::Tensor& a, at::Tensor& b) {
  const at::Tensor before = a.clone();
  a.copy_(b);
  b.copy_(before);
}

/// run.freeze and run.last_layer_rate as factors of the parameters of a graph.
nn::RateFactor rate_factor(const Run& run, const model::Graph& graph, const model::Shape& data) {
  const int last = model::find_output(graph).layer;
  std::map<std::string, double> factors;
  for (const model::Parameter& parameter : model::infer(graph, data).parameters)
    if (!parameter.auxiliary) factors[parameter.name] = parameter.node == last ? run.last_layer_rate : 1;
  const auto patterns = run.freeze.empty() ? std::vector<std::string>() : split(run.freeze, ',');
  for (const std::string& each : patterns) {
    const std::string pattern(trim(each));
    bool fits = false;
    for (auto& [name, factor] : factors)
      if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) {
        factor = 0;
        fits = true;
      }
    require(fits, ErrorKind::kUsage, "run.freeze: \"", pattern, "\" fits no parameter of the network; there are ",
            factors.begin()->first, ", ", factors.rbegin()->first, " and ", factors.size() - 2,
            " others (`lockstep inspect MODEL --arrays` lists them)");
  }
  require(std::any_of(factors.begin(), factors.end(), [](const auto& each) { return each.second != 0; }),
          ErrorKind::kUsage, "run.freeze and run.last_layer_rate leave nothing to train");
  return [factors](const std::string& name) { return factors.at(name); };
}

std::unique_ptr<nn::Network> build_network(const Config& config, model::Graph graph, nn::Compute compute) {
  const ImageShape& shape = config.hyperparameters.image_shape;
  const model::Shape data = {1, shape.channels, shape.height, shape.width};
  const nn::RateFactor factor = rate_factor(config.run, graph, data);
  return std::make_unique<nn::Network>(std::move(graph), data, static_cast<uint64_t>(config.run.seed), compute, factor);
}

std::unique_ptr<optim::Optimizer> build_optimizer(const Config& config, nn::Network& network) {
  std::vector<optim::Piece> pieces;
  bool follows = false;  // a segment that is updated
  for (const nn::Segment& segment : network.segments()) {
    const bool is_updated = !segment.fixed && segment.rate_factor != 0;
    const bool decays = segment.decays && (config.run.decay_batch_norm || !segment.name.ends_with("_gamma"));
    const bool joins =
        is_updated && follows && pieces.back().decays == decays && pieces.back().rate_factor == segment.rate_factor;
    if (joins)
      pieces.back().end = segment.end;  // the zeros between stay zeros under every rule
    else if (is_updated)
      pieces.push_back({segment.begin, segment.end, decays, segment.rate_factor});
    follows = is_updated;
  }
  const auto& h = config.hyperparameters;
  return optim::make_optimizer(h.optimizer, std::move(pieces), network.parameters(),
                               {.momentum = h.momentum,
                                .weight_decay = h.weight_decay,
                                .beta_1 = h.beta_1,
                                .beta_2 = h.beta_2,
                                .eps = h.eps,
                                .gamma = h.gamma,
                                .decay_all = config.run.weight_decay_all,
                                .plain = config.run.gpu_step == "plain"});
}

}  // namespace

model::NetworkOptions network_options(const Config& config, int64_t classes) {
  const auto& h = config.hyperparameters;
  return {.num_layers = h.num_layers,
          .classes = h.num_classes.value_or(classes),
          .channels = h.image_shape.channels,
          .height = h.image_shape.height,
          .width = h.image_shape.width,
          .multi_label = h.multi_label,
          .shortcut = config.run.shortcut};
}

model::Graph make_graph(const Config& config) {
  return model::make_network(config.run.network, network_options(config, config.hyperparameters.num_classes.value()));
}

Learner build_learner(const Config& config, model::Graph graph, nn::Compute compute) {
  Learner learner;
  learner.network = build_network(config, std::move(graph), compute);
  learner.optimizer = build_optimizer(config, *learner.network);
  if (compute.precision == nn::Precision::kFloat16)
    learner.scaler.emplace(learner.network->parameters(), config.run.loss_scale);
  return learner;
}

void UseAverages::exchange() {
  if (!learner_.average_parameters) return;
  exchange_values(learner_.network->parameters(), learner_.average_parameters->values());
  exchange_values(learner_.network->statistics(), learner_.average_statistics->values());
  learner_.network->refresh_working_copy();
}

}  // namespace lockstep::train

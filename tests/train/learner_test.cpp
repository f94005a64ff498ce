#include "learner.h"

#include <cmath>
#include <cstring>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "lockstep/config/load.h"
#include "lockstep/nn/loss.h"
#include "support/expect_error.h"

namespace lockstep::train {
namespace {

using test::expect_contains;

Learner make_learner(const std::string& run) {
  const Config config =
      load_config_text(cat("channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", "
                           "num_classes: 4, weight_decay: 0, momentum: 0}\nrun: {output: x, device: cpu",
                           run, "}\n"),
                       "test.yaml")
          .config;
  return build_learner(config, make_graph(config), {});
}

/// One update on the same batch each time.
void do_step(Learner& learner) {
  at::Tensor images = at::empty({4, 3, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  for (int64_t i = 0; i < images.numel(); ++i)
    images.data_ptr<float>()[i] = 128 + 100 * std::sin(static_cast<float>(i * i % 1009));
  at::Tensor labels = at::empty({4}, at::kLong), gradient;
  for (int64_t i = 0; i < 4; ++i) labels.data_ptr<int64_t>()[i] = i;
  nn::softmax_loss(learner.network->forward(images, nn::Mode::kTrain), labels, {.nominal = 4}, gradient);
  learner.network->backward(gradient);
  learner.optimizer->step(learner.network->parameters(), learner.network->gradients(), optim::make_control(0.1));
}

/// How far each parameter went in one step: the largest change of an element.
std::map<std::string, float> changes(const std::string& run) {
  Learner learner = make_learner(run);
  const at::Tensor before = learner.network->parameters().clone();
  do_step(learner);
  std::map<std::string, float> changes;
  for (const nn::Segment& segment : learner.network->segments()) {
    const auto piece = [&](const at::Tensor& flat) {
      return flat.narrow(0, segment.begin, segment.end - segment.begin);
    };
    changes[segment.name] = piece(learner.network->parameters()).sub(piece(before)).abs().max().item<float>();
  }
  return changes;
}

TEST(Learner, LeavesFrozenParametersAsTheyAre) {
  const auto free = changes(""), frozen = changes(", freeze: \"conv0_*, stage1_*,bn_data_*\"");
  int held = 0;
  for (const auto& [name, change] : frozen) {
    const bool is_frozen = name.starts_with("conv0_") || name.starts_with("stage1_") || name.starts_with("bn_data_");
    held += is_frozen;
    EXPECT_EQ(change, is_frozen ? 0 : free.at(name)) << name;
  }
  EXPECT_GT(held, 10);
  EXPECT_GT(free.at("conv0_weight"), 0);
}

TEST(Learner, TrainsTheLastLayerAlone) {
  for (const auto& [name, change] : changes(", freeze: \"stage*,conv0_*,bn*\""))
    EXPECT_EQ(change > 0, name.starts_with("fc1_")) << name;
}

TEST(Learner, GivesTheLastLayerItsOwnRate) {
  const auto usual = changes(""), faster = changes(", last_layer_rate: 10");
  for (const auto& [name, change] : usual)
    EXPECT_NEAR(faster.at(name), change * (name.starts_with("fc1_") ? 10 : 1), 1e-5 * change) << name;
}

TEST(Learner, KeepsNothingForABackwardThatWillNotCome) {
  Learner learner = make_learner(", freeze: \"stage*,conv0_*,bn*\"");
  int backward = 0;
  learner.network->time_nodes([&](const model::Node&, bool is_backward, double) { backward += is_backward; });
  do_step(learner);
  EXPECT_EQ(backward, 1) << "the last layer";
}

TEST(Learner, DecaysWeightsAndGammaUnlessGammaIsSpared) {
  for (const bool spares : {false, true}) {
    const Config config =
        load_config_text(cat("channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", "
                             "num_classes: 4, weight_decay: 0.5, momentum: 0}\nrun: {output: x, device: cpu",
                             spares ? ", decay_batch_norm: false}\n" : "}\n"),
                         "test.yaml")
            .config;
    Learner learner = build_learner(config, make_graph(config), {});
    learner.network->parameters().fill_(1);
    learner.network->gradients().zero_();
    learner.optimizer->step(learner.network->parameters(), learner.network->gradients(), optim::make_control(0.5));
    for (const nn::Segment& segment : learner.network->segments()) {
      const bool decays =
          segment.name.ends_with("_weight") || (segment.name.ends_with("_gamma") && !segment.fixed && !spares);
      EXPECT_EQ(learner.network->parameters()[segment.begin].item<float>(), decays ? 0.75f : 1.0f) << segment.name;
    }
  }
}

TEST(Learner, NamesAPatternThatFitsNothing) {
  const auto message = [](const std::string& run) {
    return test::expect_error(ErrorKind::kUsage, [&] { make_learner(run); });
  };
  expect_contains(message(", freeze: \"stage1_*,layer1*\""), "run.freeze: \"layer1*\" fits no parameter");
  expect_contains(message(", freeze: \"*\""), "leave nothing to train");
}

}  // namespace
}  // namespace lockstep::train

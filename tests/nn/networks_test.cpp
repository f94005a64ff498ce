// What holds for every row of networks.def.
#include <gtest/gtest.h>

#include "toy_network.h"

namespace lockstep::nn {
namespace {

class EveryNetwork : public testing::TestWithParam<std::string> {};

TEST_P(EveryNetwork, OverfitsEightImagesSlow) {
  constexpr int64_t kSize = 32;
  Network network(model::make_network(GetParam(), {.num_layers = 20, .classes = 8, .height = kSize, .width = kSize}),
                  {8, 3, kSize, kSize}, 1);
  const at::Tensor images = test::random_images(8, kSize), labels = test::counting_labels(8, 8);
  double loss = 0;
  for (int i = 0; i < 40; ++i) {
    loss = test::step(network, images, labels, Mode::kTrain, 8) / 8;
    network.parameters().add_(network.parameter_gradients(), -0.1);
  }
  EXPECT_LT(loss, 0.1);
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryNetwork, testing::ValuesIn(names(model::networks())),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace lockstep::nn

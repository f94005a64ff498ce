#include "layout.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "toy_network.h"

namespace lockstep::nn {
namespace {

TEST(Layout, OrdersParametersByFallingNodeAndStatisticsByRising) {
  const model::Graph graph =
      model::make_network("resnet_v2", {.num_layers = 20, .classes = 10, .height = 8, .width = 8});
  const Layout layout = make_layout(graph, model::infer(graph, {1, 3, 8, 8}));
  EXPECT_EQ(layout.segments[0].name, "fc1_weight");
  EXPECT_EQ(layout.segments[1].name, "fc1_bias");
  EXPECT_EQ(layout.segments[2].name, "bn1_gamma");
  EXPECT_EQ(layout.segments[layout.parameter.at("bn_data_beta")].end, layout.parameter_count);
  EXPECT_EQ(layout.statistics.front().name, "bn_data_moving_mean");
  EXPECT_EQ(layout.statistics[layout.statistic.at("bn1_moving_var")].end, layout.statistics_count);
}

TEST(View, ReadsAConvolutionWeightStoredChannelsLast) {
  const at::Tensor flat = at::arange(100, at::kFloat);
  const at::Tensor weight =
      view(flat, {.name = "weight", .begin = 10, .end = 34, .shape = {2, 3, 2, 2}, .channels_last = true});
  EXPECT_EQ(weight.sizes(), at::IntArrayRef({2, 3, 2, 2}));
  EXPECT_TRUE(weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(weight[1][2][0][1].item<float>(), 10 + ((1 * 2 + 0) * 2 + 1) * 3 + 2) << "(out, kh, kw, in)";
}

TEST(View, IsNoCopy) {
  at::Tensor flat = at::arange(10, at::kFloat);
  view(flat, {.name = "bias", .begin = 2, .end = 5, .shape = {3}}).zero_();
  EXPECT_EQ(flat[4].item<float>(), 0);
  EXPECT_EQ(flat[5].item<float>(), 5);
}

}  // namespace
}  // namespace lockstep::nn

#include "layout.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
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
  EXPECT_EQ(layout.segments[layout.parameter.at("bn_data_beta")].begin + 32, layout.parameter_size);
  EXPECT_EQ(layout.statistics.front().name, "bn_data_moving_mean");
  EXPECT_EQ(layout.statistics[layout.statistic.at("bn1_moving_var")].end, layout.statistics_size);
  for (const auto* segments : {&layout.segments, &layout.statistics})
    for (const Segment& segment : *segments) EXPECT_EQ(segment.begin % 32, 0) << segment.name;
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

TEST(ChannelsLast, IsRequiredOfPicturesByTheNameOfTheNode) {
  const model::Node node{.op = "Convolution", .name = "conv0"};
  const at::Tensor picture = at::zeros({2, 3, 4, 4});
  require_channels_last(picture.contiguous(at::MemoryFormat::ChannelsLast), node, "output");
  require_channels_last(at::zeros({2, 3}), node, "output");
  test::expect_contains(test::expect_error(ErrorKind::kBug, [&] { require_channels_last(picture, node, "gradient"); }),
                        "conv0");
}

}  // namespace
}  // namespace lockstep::nn

#include <gtest/gtest.h>

#include "lockstep/model/network.h"
#include "operator.h"
#include "recognise.h"
#include "support/expect_error.h"

namespace lockstep::model {
namespace {

Facts facts_of(const std::string& network, const NetworkOptions& options) {
  return infer(make_network(network, options), {1, options.channels, options.height, options.width});
}

int64_t trained_values(const std::string& network, const NetworkOptions& options) {
  int64_t values = 0;
  for (const Parameter& parameter : facts_of(network, options).parameters)
    if (!parameter.auxiliary) values += count(parameter.shape);
  return values;
}

TEST(ResNetV1, HasAsManyParametersAsTorchvisions) {
  for (const auto& [depth, values] :
       {std::pair{18, 11'689'512}, {34, 21'797'672}, {50, 25'557'032}, {101, 44'549'160}, {152, 60'192'808}})
    EXPECT_EQ(trained_values("resnet_v1", {.num_layers = depth, .classes = 1000}), values) << depth;
}

TEST(ResNetV1, HasAsManyParametersAsThePaperSaysForSmallPictures) {
  // He et al. round to 0.27, 0.46, 0.66, 0.85 and 1.7 million.
  for (const auto& [depth, values] :
       {std::pair{20, 269'722}, {32, 464'154}, {44, 658'586}, {56, 853'018}, {110, 1'727'962}})
    EXPECT_EQ(
        trained_values("resnet_v1", {.num_layers = depth, .classes = 10, .height = 32, .width = 32, .shortcut = "pad"}),
        values)
        << depth;
  EXPECT_EQ(trained_values("resnet_v1", {.num_layers = 20, .classes = 10, .height = 32, .width = 32}), 272'474);
}

TEST(ResNetV1, HasTheSmallStemForPicturesUpTo32) {
  EXPECT_EQ(make_network("resnet_v1", {.num_layers = 18, .classes = 2, .height = 32, .width = 32}).find("maxpool"), -1);
  EXPECT_GE(make_network("resnet_v1", {.num_layers = 18, .classes = 2, .height = 33, .width = 33}).find("maxpool"), 0);
}

TEST(ResNetV1, HasTheStrideOfABottleneckAtIts3x3) {
  const Graph graph = make_network("resnet_v1", {.num_layers = 50, .classes = 2});
  EXPECT_EQ(graph.nodes[graph.find("layer2.0.conv1")].attributes.at("stride"), "(1, 1)");
  EXPECT_EQ(graph.nodes[graph.find("layer2.0.conv2")].attributes.at("stride"), "(2, 2)");
  EXPECT_EQ(graph.nodes[graph.find("layer2.0.downsample.0")].attributes.at("stride"), "(2, 2)");
  EXPECT_GE(graph.find("layer1.0.downsample.0"), 0) << "more channels without a stride";
  EXPECT_EQ(graph.find("layer1.1.downsample.0"), -1);
}

TEST(ResNetV1, PadsShortcutsWithZerosOnBothSides) {
  const NetworkOptions options = {.num_layers = 20, .classes = 2, .height = 32, .width = 32, .shortcut = "pad"};
  const Graph graph = make_network("resnet_v1", options);
  const Node& pad = graph.nodes[graph.find("layer3.0.shortcut.pad")];
  EXPECT_EQ(pad.attributes.at("pad_width"), "(0, 0, 0, 0, 16, 16, 0, 0)");
  EXPECT_EQ(facts_of("resnet_v1", options).outputs[graph.find("layer3.0.shortcut.channels")][0], (Shape{1, 64, 8, 8}));
  EXPECT_EQ(graph.find("layer1.0.shortcut.pad"), -1);
}

TEST(ResNetV1, EveryDepthTakesEveryImageShape) {
  for (const int64_t depth : {18, 50, 20, 110})
    for (const Shape& shape : {Shape{3, 224, 224}, Shape{1, 28, 28}, Shape{4, 61, 97}, Shape{3, 1, 1}})
      for (const char* shortcut : {"projection", "pad"}) {
        if (depth != 20 && depth != 110 && shortcut == std::string("pad")) continue;
        EXPECT_EQ(facts_of("resnet_v1", {.num_layers = depth,
                                         .classes = 7,
                                         .channels = shape[0],
                                         .height = shape[1],
                                         .width = shape[2],
                                         .shortcut = shortcut})
                      .outputs.back()[0],
                  (Shape{1, 7}));
      }
}

TEST(ResNetV1, RefusesWhatItDoesNotHave) {
  const auto refusal_of = [](const NetworkOptions& options) {
    return test::expect_error(ErrorKind::kUsage, [&] { make_network("resnet_v1", options); });
  };
  test::expect_contains(refusal_of({.num_layers = 200, .classes = 2}), "18 34 50 101 152 20 32 44 56 110");
  test::expect_contains(refusal_of({.num_layers = 50, .classes = 2, .shortcut = "pad"}), "20 32 44 56 110");
  test::expect_contains(refusal_of({.num_layers = 20, .classes = 2, .shortcut = "zeros"}), "projection, pad");
}

TEST(ResNetV1, CostOf50LayersIs4Point1BillionMultiplyAdds) {
  EXPECT_NEAR(static_cast<double>(facts_of("resnet_v1", {.num_layers = 50, .classes = 1000}).flops) / 2, 4.1e9, 0.05e9);
}

TEST(MobileNetV2, HasAsManyParametersAndCostsAsMuchAsTorchvisions) {
  EXPECT_EQ(trained_values("mobilenet_v2", {.classes = 1000}), 3'504'872);
  EXPECT_NEAR(static_cast<double>(facts_of("mobilenet_v2", {.classes = 1000}).flops) / 2, 0.31e9, 0.02e9);
}

TEST(MobileNetV2, HasOneDepth) {
  EXPECT_EQ(trained_values("mobilenet_v2", {.num_layers = 152, .classes = 10}),
            trained_values("mobilenet_v2", {.classes = 10}));
}

TEST(MobileNetV2, FiltersEachChannelByItselfAndAddsWhereShapesAgree) {
  const Graph graph = make_network("mobilenet_v2", {.classes = 2});
  EXPECT_EQ(graph.nodes[graph.find("features.2.conv.1.0")].attributes.at("num_group"), "96");
  EXPECT_EQ(graph.find("features.2.add"), -1) << "its stride is 2";
  EXPECT_GE(graph.find("features.3.add"), 0);
  EXPECT_EQ(graph.find("features.17.add"), -1) << "more channels";
  EXPECT_EQ(graph.nodes[graph.find("features.18.2")].op, "clip");
}

TEST(Networks, OfThisTableAreRecognisedInSymbolFiles) {
  for (const char* shortcut : {"projection", "pad"})
    for (const auto& [network, depth] : {std::pair{"resnet_v1", 20}, {"resnet_v1", 50}, {"mobilenet_v2", 0}}) {
      if (depth != 20 && shortcut == std::string("pad")) continue;
      Card card;
      recognise(make_network(network, {.num_layers = depth, .classes = 5, .multi_label = true, .shortcut = shortcut}),
                card);
      EXPECT_EQ(card.network, network);
      EXPECT_EQ(card.num_layers, depth);
    }
}

TEST(Clip, RefusesBoundsWithNothingBetween) {
  Node node{"clip", "c", {{"a_min", "6"}, {"a_max", "0"}}, {{0}}};
  NodeShapes shapes{{{1, 2, 8, 8}}, {}, 0};
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { operator_of(node).infer(node, shapes); }), "node c");
  node.attributes = {{"a_min", "0"}, {"a_max", "6"}};
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 2, 8, 8}));
}

TEST(Pad, WidensPictures) {
  Node node{"Pad", "p", {{"mode", "constant"}, {"pad_width", "(0, 0, 0, 0, 3, 4, 5, 6)"}}, {{0}}};
  NodeShapes shapes{{{1, 2, 8, 8}}, {}, 0};
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 2, 15, 19}));
}

TEST(Pad, RefusesWhatItDoesNotCompute) {
  for (const Attributes& attributes : {Attributes{{"mode", "edge"}, {"pad_width", "(0, 0, 0, 0, 1, 1, 0, 0)"}},
                                       {{"mode", "constant"}, {"pad_width", "(1, 1)"}},
                                       {{"mode", "constant"}, {"pad_width", "(0, 0, 1, 0, 0, 0, 0, 0)"}},
                                       {{"mode", "constant"}, {"pad_width", "(0, 0, 0, 0, -1, 0, 0, 0)"}}}) {
    const Node node{"Pad", "p", attributes, {{0}}};
    NodeShapes shapes{{{1, 2, 8, 8}}, {}, 0};
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { operator_of(node).infer(node, shapes); }),
                          "node p");
  }
}

TEST(Transpose, PutsAxesInAnotherOrder) {
  Node node{"transpose", "t", {{"axes", "(0, 2, 1, 3)"}}, {{0}}};
  NodeShapes shapes{{{1, 2, 8, 9}}, {}, 0};
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 8, 2, 9}));
  for (const char* axes : {"(0, 2, 1)", "(0, 2, 2, 3)", "(0, 1, 2, 4)", "()"}) {
    node.attributes = {{"axes", axes}};
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { operator_of(node).infer(node, shapes); }),
                          "node t");
  }
}

}  // namespace
}  // namespace lockstep::model

#include <gtest/gtest.h>

#include "lockstep/model/network.h"
#include "operator.h"
#include "support/expect_error.h"

namespace lockstep::model {
namespace {

Facts facts_of(const NetworkOptions& options) {
  return infer(make_network("resnet_v2", options), {1, options.channels, options.height, options.width});
}

struct Counts {
  int64_t num_layers, side, classes;
  int arguments, auxiliary;
  int64_t argument_values, auxiliary_values;
};
Counts count_parameters(const NetworkOptions& options) {
  Counts counts{options.num_layers, options.height, options.classes, 0, 0, 0, 0};
  for (const Parameter& parameter : facts_of(options).parameters) {
    (parameter.auxiliary ? counts.auxiliary : counts.arguments)++;
    (parameter.auxiliary ? counts.auxiliary_values : counts.argument_values) += count(parameter.shape);
  }
  return counts;
}

class ResNetCounts : public testing::TestWithParam<Counts> {};

TEST_P(ResNetCounts, AreThoseOfMxnet) {
  const Counts& expected = GetParam();
  const Counts counts = count_parameters({.num_layers = expected.num_layers,
                                          .classes = expected.classes,
                                          .height = expected.side,
                                          .width = expected.side});
  EXPECT_EQ(counts.arguments, expected.arguments);
  EXPECT_EQ(counts.auxiliary, expected.auxiliary);
  EXPECT_EQ(counts.argument_values, expected.argument_values);
  EXPECT_EQ(counts.auxiliary_values, expected.auxiliary_values);
}

INSTANTIATE_TEST_SUITE_P(
    Depth, ResNetCounts,
    testing::Values(
        Counts{18, 224, 1000, 61, 38, 11'691'950, 7'942}, Counts{34, 224, 1000, 109, 70, 21'800'110, 15'366},
        Counts{50, 224, 1000, 157, 102, 25'549'486, 45'574}, Counts{101, 224, 1000, 310, 204, 44'541'614, 97'798},
        Counts{152, 224, 1000, 463, 306, 60'185'262, 143'878}, Counts{200, 224, 1000, 607, 402, 64'666'286, 168'454},
        Counts{269, 224, 1000, 814, 540, 102'065'838, 245'254}, Counts{20, 28, 10, 64, 40, 272'544, 1'382},
        Counts{32, 28, 10, 100, 64, 466'976, 2'278}, Counts{44, 28, 10, 136, 88, 661'408, 3'174},
        Counts{56, 28, 10, 172, 112, 855'840, 4'070}, Counts{110, 28, 10, 334, 220, 1'730'784, 8'102},
        Counts{110, 28, 1000, 334, 220, 1'795'134, 8'102}, Counts{164, 28, 10, 496, 328, 1'703'264, 24'230},
        Counts{1001, 28, 10, 3007, 2002, 10'327'712, 149'222}),
    [](const auto& row) { return cat(row.param.num_layers, "Layers", row.param.classes); });

TEST(ResNet, HasTheSmallStemForPicturesUpTo32) {
  EXPECT_EQ(count_parameters({.num_layers = 18, .classes = 10, .height = 32, .width = 32}).argument_values, 11'176'272);
  EXPECT_EQ(count_parameters({.num_layers = 50, .classes = 10, .height = 32, .width = 32}).argument_values, 23'513'168);
  EXPECT_GE(make_network("resnet_v2", {.num_layers = 18, .classes = 2, .height = 33, .width = 33}).find("pooling0"), 0);
}

TEST(ResNet, SmallFormTakesLargePictures) {
  const Facts facts = facts_of({.num_layers = 20, .classes = 10, .height = 224, .width = 320});
  EXPECT_EQ(facts.outputs.back()[0], (Shape{1, 10}));
  EXPECT_EQ(count_parameters({.num_layers = 20, .classes = 10, .height = 224, .width = 320}).argument_values, 272'544);
}

TEST(ResNet, EveryDepthTakesEveryImageShape) {
  for (const int64_t depth : {18, 34, 50, 20, 110})
    for (const Shape& shape : {Shape{3, 224, 224}, Shape{1, 28, 28}, Shape{4, 61, 97}, Shape{3, 1, 1}})
      EXPECT_EQ(
          facts_of({.num_layers = depth, .classes = 7, .channels = shape[0], .height = shape[1], .width = shape[2]})
              .outputs.back()[0],
          (Shape{1, 7}));
}

TEST(ResNet, RefusesADepthAndListsWhatThereIs) {
  const std::string message =
      test::expect_error(ErrorKind::kUsage, [] { make_network("resnet_v2", {.num_layers = 19, .classes = 2}); });
  test::expect_contains(message, "19");
  test::expect_contains(message, "18 34 50 101 152 200");
}

TEST(ResNet, RefusesNoClasses) {
  test::expect_contains(
      test::expect_error(ErrorKind::kUsage, [] { make_network("resnet_v2", {.num_layers = 18, .classes = 0}); }),
      "num_classes = 0");
}

TEST(ResNet, NamesAndOrderAreMxnets) {
  const Graph graph = make_network("resnet_v2", {.num_layers = 18, .classes = 2});
  ASSERT_EQ(graph.nodes.size(), 173u);
  const char* first[] = {
      "data",    "id",           "bn_data_gamma", "bn_data_beta", "bn_data_moving_mean", "bn_data_moving_var",
      "bn_data", "conv0_weight", "conv0",         "bn0_gamma"};
  for (size_t i = 0; i < std::size(first); ++i) EXPECT_EQ(graph.nodes[i].name, first[i]);
  const char* last[] = {"relu1", "pool1", "flatten0", "fc1_weight", "fc1_bias", "fc1", "softmax_label", "softmax"};
  for (size_t i = 0; i < std::size(last); ++i)
    EXPECT_EQ(graph.nodes[graph.nodes.size() - std::size(last) + i].name, last[i]);
  const Node& sum = graph.nodes[graph.find("_plus0")];
  EXPECT_EQ(sum.op, "elemwise_add");
  EXPECT_EQ(graph.nodes[sum.inputs[0].node].name, "stage1_unit1_conv2");
  EXPECT_EQ(graph.nodes[sum.inputs[1].node].name, "stage1_unit1_sc");
  const Node& identity = graph.nodes[graph.find("_plus1")];
  EXPECT_EQ(graph.nodes[identity.inputs[1].node].name, "_plus0");
  EXPECT_EQ(graph.find("_plus8"), -1);
}

TEST(ResNet, ProjectionReadsTheFirstRelu) {
  const Graph graph = make_network("resnet_v2", {.num_layers = 50, .classes = 2});
  const Node& projection = graph.nodes[graph.find("stage2_unit1_sc")];
  EXPECT_EQ(graph.nodes[projection.inputs[0].node].name, "stage2_unit1_relu1");
  EXPECT_EQ(projection.attributes.at("stride"), "(2, 2)");
  EXPECT_EQ(projection.attributes.count("pad"), 0u);
  EXPECT_EQ(graph.nodes[graph.find("stage2_unit1_conv2")].attributes.at("stride"), "(2, 2)");
  EXPECT_EQ(graph.nodes[graph.find("stage2_unit1_conv1")].attributes.at("stride"), "(1, 1)");
}

TEST(ResNet, MultiLabelEndsInLogisticRegression) {
  const Graph graph = make_network("resnet_v2", {.num_layers = 18, .classes = 5, .multi_label = true});
  EXPECT_EQ(graph.nodes.back().op, "LogisticRegressionOutput");
  EXPECT_EQ(graph.nodes.back().name, "softmax");
  EXPECT_GE(graph.find("softmax_label"), 0);
  EXPECT_TRUE(find_output(graph).multi_label);
  EXPECT_EQ(find_output(graph).classes, 5);
}

TEST(ResNet, CostOf50LayersIs4Point1BillionMultiplyAdds) {
  const Facts facts = facts_of({.num_layers = 50, .classes = 1000});
  EXPECT_NEAR(static_cast<double>(facts.flops) / 2, 4.1e9, 0.05e9);
}

}  // namespace
}  // namespace lockstep::model

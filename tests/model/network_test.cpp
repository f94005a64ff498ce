#include "lockstep/model/network.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "operator.h"
#include "support/expect_error.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

/// data -> Convolution c (4 filters, 3x3, pad 1, with bias) -> BatchNorm b -> FullyConnected f
Graph tiny_graph() {
  Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"null", "c_weight", {}, {}},
                 {"null", "c_bias", {}, {}},
                 {"Convolution", "c", {{"kernel", "(3, 3)"}, {"num_filter", "4"}, {"pad", "(1, 1)"}}, {{0}, {1}, {2}}},
                 {"null", "b_gamma", {}, {}},
                 {"null", "b_beta", {}, {}},
                 {"null", "b_moving_mean", {}, {}},
                 {"null", "b_moving_var", {}, {}},
                 {"BatchNorm", "b", {}, {{3}, {4}, {5}, {6, 0, 1}, {7, 0, 1}}},
                 {"null", "f_weight", {}, {}},
                 {"FullyConnected", "f", {{"num_hidden", "10"}, {"no_bias", "True"}}, {{8}, {9}}}};
  graph.heads = {{10}};
  return graph;
}

TEST(Infer, FillsInShapesInGraphOrder) {
  const Facts facts = infer(tiny_graph(), {2, 3, 8, 6});
  std::string text;
  for (const Parameter& p : facts.parameters) text += p.name + shape_text(p.shape) + (p.auxiliary ? "aux " : " ");
  EXPECT_EQ(text,
            "c_weight(4, 3, 3, 3) c_bias(4,) b_gamma(4,) b_beta(4,) b_moving_mean(4,)aux b_moving_var(4,)aux "
            "f_weight(10, 192) ");
  EXPECT_EQ(facts.outputs[3][0], (Shape{2, 4, 8, 6}));
  EXPECT_EQ(facts.outputs[10][0], (Shape{2, 10}));
  EXPECT_EQ(facts.parameters[2].node, 8);
}

TEST(Infer, CountsMultiplyAndAddAsTwo) {
  const int64_t pixels = 2 * 4 * 8 * 6;
  EXPECT_EQ(infer(tiny_graph(), {2, 3, 8, 6}).flops, pixels * (2 * 27 + 1) + pixels * 2 + 2 * 2 * 192 * 10);
}

TEST(Infer, CountsWhatBackwardReadsAgainOnce) {
  // The picture, the convolution's output and the normalised picture.
  EXPECT_EQ(infer(tiny_graph(), {2, 3, 8, 6}).activation_count, 2 * 3 * 8 * 6 + 2 * (2 * 4 * 8 * 6));
}

TEST(Infer, GammaIsFixedWhereFixGammaIsNotSwitchedOff) {
  Graph graph = tiny_graph();
  EXPECT_TRUE(infer(graph, {2, 3, 8, 6}).parameters[2].fixed);
  graph.nodes[8].attributes["fix_gamma"] = "False";
  for (const Parameter& parameter : infer(graph, {2, 3, 8, 6}).parameters) EXPECT_FALSE(parameter.fixed);
}

TEST(Infer, LabelsAreNoParameters) {
  const Graph graph = make_network("resnet_v2", {.num_layers = 20, .classes = 3, .height = 28, .width = 28});
  const Facts facts = infer(graph, {5, 3, 28, 28});
  for (const Parameter& parameter : facts.parameters) EXPECT_NE(parameter.name, "softmax_label");
  EXPECT_EQ(facts.outputs[graph.find("softmax_label")][0], (Shape{5}));
}

TEST(Infer, NamesTheNodeThatDoesNotFit) {
  Graph wide = tiny_graph();
  wide.nodes[3].attributes["kernel"] = "(9, 9)";
  wide.nodes[3].attributes["pad"] = "(0, 0)";
  expect_contains(expect_error(ErrorKind::kData, [&] { infer(wide, {1, 3, 8, 8}); }), "node c (Convolution)");

  Graph grouped = tiny_graph();
  grouped.nodes[3].attributes["num_group"] = "2";
  expect_contains(expect_error(ErrorKind::kData, [&] { infer(grouped, {1, 3, 8, 8}); }), "3 input channels");

  Graph unknown = tiny_graph();
  unknown.nodes[8].op = "BatchNrm";
  const std::string message = expect_error(ErrorKind::kData, [&] { infer(unknown, {1, 3, 8, 8}); });
  expect_contains(message, "node b (BatchNrm)");
  expect_contains(message, "Convolution");

  Graph forward = tiny_graph();
  forward.nodes[3].inputs[0].node = 8;
  expect_contains(expect_error(ErrorKind::kData, [&] { infer(forward, {1, 3, 8, 8}); }), "node c");

  Graph without = tiny_graph();
  without.nodes[0].name = "picture";
  expect_contains(expect_error(ErrorKind::kData, [&] { infer(without, {1, 3, 8, 8}); }), "\"data\"");
}

TEST(Infer, RefusesSizesThatOverflow) {
  Graph graph = tiny_graph();
  graph.nodes[3].attributes["num_filter"] = "9000000000000000000";
  expect_error(ErrorKind::kData, [&] { infer(graph, {1, 3, 1 << 20, 1 << 20}); });
}

TEST(Infer, RefusesASharedParameterOfTwoShapes) {
  Graph graph = tiny_graph();
  graph.nodes[10].inputs[1].node = 1;
  expect_contains(expect_error(ErrorKind::kData, [&] { infer(graph, {1, 3, 8, 8}); }), "c_weight is (4, 3, 3, 3)");
}

TEST(Operators, EveryRowOfTheTableIsComplete) {
  std::set<std::string> seen;
  for (const auto& row : operators()) {
    EXPECT_TRUE(seen.insert(row.name).second) << row.name;
    EXPECT_NE(std::string(row.help), "");
    EXPECT_TRUE(row.make.parameters && row.make.outputs && row.make.infer) << row.name;
  }
  EXPECT_TRUE(seen.count("Convolution") && seen.count("_Plus"));
}

TEST(Pooling, RoundsAsItsConventionSays) {
  Node node{"Pooling", "p", {{"kernel", "(3, 3)"}, {"stride", "(2, 2)"}}, {{0}}};
  NodeShapes shapes{{{1, 2, 8, 7}}, {}, 0};
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 2, 3, 3}));
  node.attributes["pooling_convention"] = "full";
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 2, 4, 3}));
  node.attributes["global_pool"] = "True";
  operator_of(node).infer(node, shapes);
  EXPECT_EQ(shapes.outputs[0], (Shape{1, 2, 1, 1}));
}

Shape output_of(const Node& node, const std::vector<Shape>& inputs) {
  NodeShapes shapes{inputs, {}, 0};
  operator_of(node).infer(node, shapes);
  return shapes.outputs[0];
}

TEST(Operators, JoinAndMultiplyWhatFits) {
  EXPECT_EQ(output_of({"Concat", "n", {}, {}}, {{2, 3, 5, 5}, {2, 4, 5, 5}, {2, 1, 5, 5}}), (Shape{2, 8, 5, 5}));
  EXPECT_EQ(output_of({"Concat", "n", {{"dim", "3"}}, {}}, {{2, 3, 5, 5}, {2, 3, 5, 1}}), (Shape{2, 3, 5, 6}));
  EXPECT_EQ(output_of({"broadcast_mul", "n", {}, {}}, {{2, 3, 5, 5}, {2, 3, 1, 1}}), (Shape{2, 3, 5, 5}));
  EXPECT_EQ(output_of({"broadcast_mul", "n", {}, {}}, {{2, 3, 1, 4}, {2, 3, 5, 1}}), (Shape{2, 3, 5, 4}));
  EXPECT_EQ(output_of({"mean", "n", {{"axis", "(2, 3)"}}, {}}, {{2, 3, 5, 5}}), (Shape{2, 3}));
  EXPECT_EQ(output_of({"_contrib_AdaptiveAvgPooling2D", "n", {{"output_size", "2"}}, {}}, {{2, 3, 5, 6}}),
            (Shape{2, 3, 2, 2}));
}

TEST(Operators, RefuseInputsThatDoNotFitByName) {
  const std::pair<Node, std::vector<Shape>> all[] = {
      {{"Concat", "n", {}, {}}, {{2, 3, 5, 5}, {2, 3, 5, 4}}},
      {{"Concat", "n", {}, {}}, {{2, 3, 5, 5}, {2, 3}}},
      {{"Concat", "n", {{"dim", "0"}}, {}}, {{2, 3}, {2, 3}}},
      {{"elemwise_mul", "n", {}, {}}, {{2, 3, 5, 5}, {2, 3, 1, 1}}},
      {{"broadcast_mul", "n", {}, {}}, {{2, 3, 5, 5}, {2, 2, 1, 1}}},
      {{"mean", "n", {}, {}}, {{2, 3, 5, 5}}},
      {{"mean", "n", {{"axis", "1"}}, {}}, {{2, 3, 5, 5}}},
      {{"LRN", "n", {{"nsize", "4"}}, {}}, {{2, 3, 5, 5}}},
      {{"LRN", "n", {{"nsize", "5"}, {"knorm", "0"}}, {}}, {{2, 3, 5, 5}}},
      {{"hard_sigmoid", "n", {{"alpha", "0"}}, {}}, {{2, 3}}},
      {{"_contrib_AdaptiveAvgPooling2D", "n", {{"output_size", "7"}}, {}}, {{2, 3, 5, 6}}}};
  for (const auto& [node, inputs] : all)
    expect_contains(expect_error(ErrorKind::kData, [&, &n = node, &in = inputs] { output_of(n, in); }), "node n");
}

TEST(Operators, RefuseWhatTheyDoNotCompute) {
  for (const Node& node :
       {Node{"Activation", "n", {{"act_type", "softsign"}}, {{0}}}, Node{"Pooling", "n", {{"pool_type", "sum"}}, {{0}}},
        Node{"Pooling", "n", {{"kernel", "(3,)"}}, {{0}}}}) {
    NodeShapes shapes{{{1, 2, 8, 8}}, {}, 0};
    expect_contains(expect_error(ErrorKind::kData, [&] { operator_of(node).infer(node, shapes); }), "node n");
  }
}

TEST(Networks, UnknownNameListsWhatThereIs) {
  const std::string message = expect_error(ErrorKind::kUsage, [] { make_network("resnet", {}); });
  expect_contains(message, "resnet_v2");
}

TEST(Parameter, WeightAndGammaDecay) {
  EXPECT_TRUE((Parameter{.name = "conv0_weight", .shape = {}}).decays());
  EXPECT_TRUE((Parameter{.name = "bn0_gamma", .shape = {}}).decays());
  EXPECT_FALSE((Parameter{.name = "bn0_beta", .shape = {}}).decays());
  EXPECT_FALSE((Parameter{.name = "fc1_bias", .shape = {}}).decays());
}

TEST(Initialise, WeightsAreNormalWithTheDeviationOfXavier) {
  const Parameter parameter{.name = "conv_weight", .shape = {64, 32, 3, 3}};
  std::vector<float> values(count(parameter.shape));
  initialise(parameter, 1, 7, values);
  double sum = 0, squares = 0;
  for (const float value : values) sum += value, squares += value * value;
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / n), std::sqrt(2.0 / (32 * 9)), 0.002);
}

TEST(Initialise, FollowsFromSeedAndPositionAlone) {
  const Parameter parameter{.name = "fc1_weight", .shape = {4, 8}};
  std::vector<float> a(32), b(32), other_position(32), other_seed(32);
  initialise(parameter, 1, 7, a);
  initialise(parameter, 1, 7, b);
  initialise(parameter, 1, 8, other_position);
  initialise(parameter, 2, 7, other_seed);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, other_position);
  EXPECT_NE(a, other_seed);
}

TEST(Initialise, OneForGammaAndVarianceZeroForTheRest) {
  for (const auto& [name, expected] : {std::pair{"x_gamma", 1.0f},
                                       {"x_moving_var", 1.0f},
                                       {"x_beta", 0.0f},
                                       {"x_bias", 0.0f},
                                       {"x_moving_mean", 0.0f}}) {
    std::vector<float> values(3, 9.0f);
    initialise({.name = name, .shape = {3}}, 1, 0, values);
    EXPECT_EQ(values, std::vector<float>(3, expected)) << name;
  }
}

}  // namespace
}  // namespace lockstep::model

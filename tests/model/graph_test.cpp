#include "lockstep/model/graph.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

Node node_with(const std::string& value) { return {"Convolution", "conv0", {{"key", value}}, {}}; }

TEST(Shape, IsWrittenAsPythonDoes) {
  EXPECT_EQ(shape_text({64, 3, 7, 7}), "(64, 3, 7, 7)");
  EXPECT_EQ(shape_text({5}), "(5,)");
  EXPECT_EQ(shape_text({}), "()");
}

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(count({64, 3, 7, 7}), 9408);
  EXPECT_EQ(count({}), 1);
  EXPECT_EQ(count({4, 0}), 0);
}

TEST(Shape, RefusesACountThatOverflows) {
  expect_error(ErrorKind::kData, [] { count({int64_t{1} << 40, int64_t{1} << 40}); });
  expect_error(ErrorKind::kData, [] { count({-1}); });
}

TEST(Attribute, TuplesTolerateSpacesBracketsAndPython2) {
  for (const char* text : {"(3, 4)", "(3,4)", " ( 3 , 4 ) ", "[3, 4]", "(3L, 4L)", "(3, 4,)", "3,4"})
    EXPECT_EQ(tuple_attribute(node_with(text), "key", {}), (std::vector<int64_t>{3, 4})) << text;
  EXPECT_EQ(tuple_attribute(node_with("(5,)"), "key", {}), std::vector<int64_t>{5});
  EXPECT_EQ(tuple_attribute(node_with("()"), "key", {1}), std::vector<int64_t>{});
}

TEST(Attribute, BooleansAreTrueInThreeSpellings) {
  for (const char* text : {"True", "true", "1"}) EXPECT_TRUE(bool_attribute(node_with(text), "key", false)) << text;
  for (const char* text : {"False", "false", "0"}) EXPECT_FALSE(bool_attribute(node_with(text), "key", true)) << text;
}

TEST(Attribute, NumbersAreRead) {
  EXPECT_DOUBLE_EQ(number_attribute(node_with("2e-05"), "key", 0), 2e-5);
  EXPECT_EQ(int_attribute(node_with("64"), "key", 0), 64);
  EXPECT_EQ(text_attribute(node_with("relu"), "key", ""), "relu");
}

TEST(Attribute, DefaultHoldsWhereItIsAbsent) {
  const Node node = node_with("");
  EXPECT_EQ(int_attribute(node, "other", 7), 7);
  EXPECT_EQ(number_attribute(node, "other", 0.5), 0.5);
  EXPECT_TRUE(bool_attribute(node, "other", true));
  EXPECT_EQ(text_attribute(node, "other", "x"), "x");
  EXPECT_EQ(tuple_attribute(node, "other", {1, 1}), (std::vector<int64_t>{1, 1}));
}

TEST(Attribute, ErrorNamesNodeAttributeAndText) {
  const auto names_all = [](const std::string& message) {
    for (const char* part : {"conv0", "key", "(3, x)"}) expect_contains(message, part);
  };
  const Node node = node_with("(3, x)");
  names_all(expect_error(ErrorKind::kData, [&] { tuple_attribute(node, "key", {}); }));
  names_all(expect_error(ErrorKind::kData, [&] { int_attribute(node, "key", 0); }));
  names_all(expect_error(ErrorKind::kData, [&] { number_attribute(node, "key", 0); }));
  names_all(expect_error(ErrorKind::kData, [&] { bool_attribute(node, "key", false); }));
}

Graph classifier(const std::string& end) {
  Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"null", "w", {}, {}},
                 {"FullyConnected", "last", {{"num_hidden", "4"}, {"no_bias", "True"}}, {{0}, {1}}},
                 {end, "end", {{"act_type", "sigmoid"}}, {{2}}}};
  graph.heads = {{3}};
  return graph;
}

TEST(FindOutput, FindsTheLogitsInFrontOfTheLoss) {
  const Output output = find_output(classifier("SoftmaxOutput"));
  EXPECT_EQ(output.logits, 2);
  EXPECT_EQ(output.classes, 4);
  EXPECT_FALSE(output.multi_label);
}

TEST(FindOutput, SigmoidMeansMultiLabel) {
  EXPECT_TRUE(find_output(classifier("LogisticRegressionOutput")).multi_label);
  EXPECT_TRUE(find_output(classifier("sigmoid")).multi_label);
  EXPECT_TRUE(find_output(classifier("Activation")).multi_label);
}

TEST(FindOutput, TakesAGraphThatEndsInItsLogits) {
  Graph graph = classifier("SoftmaxOutput");
  graph.heads = {{2}};
  EXPECT_EQ(find_output(graph).logits, 2);
  EXPECT_EQ(find_output(graph).classes, 4);
}

TEST(FindOutput, LooksThroughCasts) {
  for (const char* head : {"softmax", "SoftmaxActivation", "SoftmaxOutput"}) {
    Graph graph = classifier(head);
    Node loss = graph.nodes.back();
    graph.nodes.back() = {"Cast", "to_float", {{"dtype", "float32"}}, {{2}}};
    loss.inputs[0].node = static_cast<int>(graph.nodes.size()) - 1;
    graph.nodes.push_back(loss);
    graph.nodes.push_back({"identity", "end", {}, {{static_cast<int>(graph.nodes.size()) - 1}}});
    graph.heads = {{static_cast<int>(graph.nodes.size()) - 1}};
    EXPECT_EQ(find_output(graph).logits, 2) << head;
    EXPECT_FALSE(find_output(graph).multi_label) << head;
  }
}

/// data -> Convolution "last" with 4 filters -> relu -> global Pooling -> Flatten, as SqueezeNet ends.
Graph ends_in_a_convolution() {
  Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"null", "last_weight", {{"num_filter", "4"}}, {}},
                 {"Convolution", "last", {{"kernel", "(1, 1)"}, {"num_filter", "4"}, {"no_bias", "True"}}, {{0}, {1}}},
                 {"Activation", "relu", {{"act_type", "relu"}}, {{2}}},
                 {"Pooling", "pool", {{"global_pool", "True"}, {"pool_type", "avg"}}, {{3}}},
                 {"Flatten", "flat", {}, {{4}}}};
  graph.heads = {{5}};
  return graph;
}

TEST(FindOutput, TakesAConvolutionMadeFlat) {
  const Output output = find_output(ends_in_a_convolution());
  EXPECT_EQ(output.logits, 5);
  EXPECT_EQ(output.layer, 2);
  EXPECT_EQ(output.classes, 4);
}

TEST(Attributes, ATupleOfAMillionNumbersIsRefusedInAShortMessage) {
  std::string text = "(1";
  for (int i = 0; i < 1'000'000; ++i) text += ",1";
  const Node node{"Convolution", "c", {{"kernel", text + ")"}}, {}};
  const std::string message = expect_error(ErrorKind::kData, [&] { tuple_attribute(node, "kernel", {}); });
  expect_contains(message, "node c");
  EXPECT_LT(message.size(), 300u);
}

TEST(FindOutput, SaysWhatItFoundInstead) {
  expect_contains(expect_error(ErrorKind::kData, [] { find_output(classifier("MultiBoxDetection")); }),
                  "MultiBoxDetection");
  Graph two = classifier("SoftmaxOutput");
  two.heads.push_back({2});
  expect_contains(expect_error(ErrorKind::kData, [&] { find_output(two); }), "2 outputs");
  Graph odd = classifier("SoftmaxOutput");
  odd.nodes[2].op = "Flatten";
  expect_contains(expect_error(ErrorKind::kData, [&] { find_output(odd); }), "Flatten \"last\"");
}

TEST(Graph, FindsANodeByName) {
  const Graph graph = classifier("SoftmaxOutput");
  EXPECT_EQ(graph.find("last"), 2);
  EXPECT_EQ(graph.find("first"), -1);
}

}  // namespace
}  // namespace lockstep::model

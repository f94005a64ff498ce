#include <gtest/gtest.h>

#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"
#include "support/expect_error.h"

namespace lockstep::model {
namespace {

Graph resnet(int64_t classes, bool multi_label) {
  return make_network("resnet_v2",
                      {.num_layers = 20, .classes = classes, .height = 32, .width = 32, .multi_label = multi_label});
}

TEST(LastLayer, ChangesNothingWhereItFits) {
  EXPECT_EQ(symbol_text(with_classes(resnet(10, false), 10, false)), symbol_text(resnet(10, false)));
}

TEST(LastLayer, TakesAnotherNumberOfClasses) {
  EXPECT_EQ(symbol_text(with_classes(resnet(10, false), 3, false)), symbol_text(resnet(3, false)));
}

TEST(LastLayer, BecomesMultiLabelAndBack) {
  EXPECT_EQ(symbol_text(with_classes(resnet(10, false), 5, true)), symbol_text(resnet(5, true)));
  EXPECT_EQ(symbol_text(with_classes(resnet(5, true), 5, false)), symbol_text(resnet(5, false)));
}

TEST(LastLayer, GivesAModelForPredictionAnEndThatCanBeTrained) {
  Graph logits_only = resnet(10, false);
  logits_only.heads = {{.node = find_output(logits_only).logits}};
  logits_only.nodes.resize(static_cast<size_t>(logits_only.heads[0].node) + 1);
  EXPECT_EQ(symbol_text(with_classes(logits_only, 10, false)), symbol_text(resnet(10, false)));
}

TEST(LastLayer, MayBeAConvolutionMadeFlat) {
  Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"null", "last_weight", {{"num_filter", "4"}}, {}},
                 {"Convolution", "last", {{"kernel", "(1, 1)"}, {"num_filter", "4"}, {"no_bias", "True"}}, {{0}, {1}}},
                 {"Pooling", "pool", {{"global_pool", "True"}, {"kernel", "(1, 1)"}, {"pool_type", "avg"}}, {{2}}},
                 {"Flatten", "flat", {}, {{3}}}};
  graph.heads = {{4}};
  const Graph changed = with_classes(graph, 7, true);
  EXPECT_EQ(changed.nodes[1].attributes.at("num_filter"), "7");
  const Output output = find_output(changed);
  EXPECT_EQ(output.classes, 7);
  EXPECT_TRUE(output.multi_label);
  const Facts facts = infer(changed, {2, 3, 5, 5});
  EXPECT_EQ(facts.parameters[0].shape, (Shape{7, 3, 1, 1}));
  require_logits(changed, facts, output);
}

TEST(LastLayer, OfAPictureThatIsTooLargeLeavesSeveralNumbersAClass) {
  Graph graph;
  graph.nodes = {{"null", "data", {}, {}},
                 {"null", "last_weight", {}, {}},
                 {"Convolution", "last", {{"kernel", "(3, 3)"}, {"num_filter", "4"}, {"no_bias", "True"}}, {{0}, {1}}},
                 {"Flatten", "flat", {}, {{2}}}};
  graph.heads = {{3}};
  const Output output = find_output(graph);
  require_logits(graph, infer(graph, {2, 3, 3, 3}), output);
  const Facts large = infer(graph, {2, 3, 4, 4});
  const std::string message = test::expect_error(ErrorKind::kData, [&] { require_logits(graph, large, output); });
  test::expect_contains(message,
                        "node flat (Flatten): its output is (2, 16), not one number for each of the 4 classes");
}

}  // namespace
}  // namespace lockstep::model

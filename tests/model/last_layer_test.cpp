#include <gtest/gtest.h>

#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"

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

}  // namespace
}  // namespace lockstep::model

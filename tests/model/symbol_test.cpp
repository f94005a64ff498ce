#include <string>

#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

const char* kSmall =
    R"({"nodes":[{"op":"null","name":"data","inputs":[]},
 {"op":"null","name":"fc1_weight","attrs":{"num_hidden":"2"},"inputs":[]},
 {"op":"null","name":"fc1_bias","attrs":{"num_hidden":"2"},"inputs":[]},
 {"op":"FullyConnected","name":"fc1","ATTRS":{"num_hidden":"2"},"inputs":[[0,0,0],[1,0],[2,0,0]]},
 {"op":"null","name":"softmax_label","inputs":[]},
 {"op":"SoftmaxOutput","name":"softmax","inputs":[[3,0,0],[4,0,0]]}],
 "arg_nodes":[0,1,2,4],"heads":[[5,0,0]],"attrs":{"mxnet_version":["int",10100]}})";

/// With every `from` replaced by `to`.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

std::string small_text(const std::string& form) { return replaced(kSmall, "ATTRS", form); }

void expect_same(const Graph& a, const Graph& b) {
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op);
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name);
    EXPECT_EQ(a.nodes[i].attributes, b.nodes[i].attributes) << a.nodes[i].name;
    ASSERT_EQ(a.nodes[i].inputs.size(), b.nodes[i].inputs.size());
    for (size_t k = 0; k < a.nodes[i].inputs.size(); ++k) {
      EXPECT_EQ(a.nodes[i].inputs[k].node, b.nodes[i].inputs[k].node);
      EXPECT_EQ(a.nodes[i].inputs[k].version, b.nodes[i].inputs[k].version);
    }
  }
  EXPECT_EQ(a.heads.at(0).node, b.heads.at(0).node);
}

TEST(Symbol, ReadsEverySpellingOfAttributes) {
  for (const char* form : {"attrs", "attr", "param"}) {
    const Graph graph = parse_symbol(small_text(form), "x");
    EXPECT_EQ(graph.nodes[3].attributes.at("num_hidden"), "2") << form;
    EXPECT_EQ(graph.nodes[3].inputs[1].node, 1);
    EXPECT_EQ(graph.version, 10100);
  }
}

TEST(Symbol, AppendsTheStatisticsThatOldFilesDoNotList) {
  const Graph graph =
      parse_symbol(R"({"nodes":[{"op":"null","name":"data","param":{},"inputs":[],"backward_source_id":-1},
    {"op":"null","name":"bn_gamma","inputs":[]},{"op":"null","name":"bn_beta","inputs":[]},
    {"op":"BatchNorm","name":"bn","param":{"fix_gamma":"False"},"attr":{"lr_mult":"1"},"inputs":[[0,0],[1,0],[2,0]]},
    {"op":"Flatten","name":"flat","inputs":[[3,0]]}],"arg_nodes":[0,1,2],"heads":[[4,0]]})",
                   "x");
  EXPECT_EQ(graph.version, 800);
  ASSERT_EQ(graph.nodes.size(), 7u);
  EXPECT_EQ(graph.nodes[3].name, "bn_moving_mean");
  EXPECT_EQ(graph.nodes[4].name, "bn_moving_var");
  EXPECT_EQ(graph.nodes[5].inputs.size(), 5u);
  EXPECT_EQ(graph.nodes[5].inputs[4].version, 1);
  EXPECT_EQ(graph.nodes[6].inputs[0].node, 5);
  EXPECT_EQ(graph.heads[0].node, 6);
  EXPECT_EQ(infer(graph, {1, 3, 2, 2}).parameters.size(), 4u);
}

TEST(Symbol, ReadsWhatItWrites) {
  for (const auto& row : networks()) {
    const Graph graph = row.make({.num_layers = 18, .classes = 3});
    expect_same(parse_symbol(symbol_text(graph), "x"), graph);
  }
}

TEST(Symbol, EscapesWhatMxnetReads) {
  Graph graph = make_network("resnet_v2", {.num_layers = 20, .classes = 3});
  graph.nodes[0].attributes["note"] = "a\"b\\c\nd\te\rf";
  EXPECT_EQ(parse_symbol(symbol_text(graph), "x").nodes[0].attributes.at("note"), "a\"b\\c\nd\te\rf");
}

TEST(Symbol, NamesTheNodeThatReadsAhead) {
  const std::string text = replaced(small_text("attrs"), "[1,0]", "[4,0]");
  const std::string message = expect_error(ErrorKind::kData, [&] { parse_symbol(text, "folder/x.json"); });
  expect_contains(message, "folder/x.json");
  expect_contains(message, "node fc1 (FullyConnected)");
}

TEST(Symbol, RefusesWhatIsNoSymbolFile) {
  for (const char* text :
       {"", "[]", "{}", "{\"nodes\": 3, \"heads\": []}", "{\"nodes\": [], \"heads\": []}", "{\"nodes\": []"})
    expect_contains(expect_error(ErrorKind::kData, [&] { parse_symbol(text, "x.json"); }), "x.json");
  expect_contains(expect_error(ErrorKind::kData, [] { parse_symbol("{\"a\": 1, \"a\": 2}", "x.json"); }),
                  "stands twice");
  expect_contains(expect_error(ErrorKind::kData, [] { parse_symbol(std::string(100'000, '['), "x.json"); }),
                  "nested deeper");
}

TEST(Symbol, RefusesAMillionNodes) {
  std::string text = R"({"nodes":[{"op":"null","name":"data","inputs":[]})";
  for (int i = 0; i < 1'000'000; ++i) text += R"(,{"op":"_copy","name":"i","inputs":[[0,0]]})";
  expect_contains(
      expect_error(ErrorKind::kData, [&] { parse_symbol(text + R"(],"arg_nodes":[0],"heads":[[1,0]]})", "x.json"); }),
      "1000001 nodes");
}

TEST(Symbol, RefusesATextThatIsTooLargeBeforeParsingIt) {
  expect_contains(expect_error(ErrorKind::kData, [] { parse_symbol(std::string(65 << 20, ' '), "x.json"); }),
                  "at most");
}

TEST(Symbol, ALongChainOfNodesIsWalkedWithoutRecursion) {
  std::string text = R"({"nodes":[{"op":"null","name":"data","inputs":[]})";
  for (int i = 0; i < 90'000; ++i) text += cat(R"(,{"op":"_copy","name":"i","inputs":[[)", i, ",0]]}");
  const Graph graph = parse_symbol(text + R"(],"arg_nodes":[0],"heads":[[90000,0]]})", "x");
  EXPECT_EQ(infer(graph, {1, 3, 8, 8}).outputs.back()[0], (Shape{1, 3, 8, 8}));
  expect_error(ErrorKind::kData, [&] { find_output(graph); });
}

TEST(Symbol, NoFlippedBitDoesHarm) {
  test::flip_bits(small_text("attrs"), 3, [](const std::string& text) {
    const Graph graph = parse_symbol(text, "x");
    find_output(graph);
    infer(graph, {1, 3, 8, 8});
  });
}

TEST(Symbol, OfOurResNet50IsTheTextThatSageMakerWrote) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Graph ours = make_network("resnet_v2", {.num_layers = 50, .classes = 2});
  const std::string text = replaced(symbol_text(ours), "\"fc1", "\"fc");
  EXPECT_TRUE(text == read_text(test::data_folder() / "G_sagemaker-models/sagemaker-ic-symbol.json"));
}

TEST(Symbol, OfOurResNet18IsThatOfAnOlderSageMakerBehindTheIdentity) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Graph theirs = read_symbol(test::data_folder() / "G_sagemaker-models/skin-symbol.json");
  Graph ours = make_network("resnet_v2", {.num_layers = 18, .classes = 4});
  ours.nodes.erase(ours.nodes.begin() + ours.find("id"));
  for (Node& node : ours.nodes)
    for (Node::Input& input : node.inputs) input.node -= input.node > 0;
  ours.heads[0].node--;
  expect_same(ours, theirs);
}

TEST(Symbol, DetectorIsReadAndRefusedAsAClassifier) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Graph graph = read_symbol(test::data_folder() / "G_sagemaker-models/xchen-symbol.json");
  EXPECT_EQ(graph.nodes.size(), 536u);
  const std::string message = expect_error(ErrorKind::kData, [&] { find_output(graph); });
  expect_contains(message, "_contrib_MultiBoxDetection \"detection\"");
  expect_contains(message, "another kind of model");
}

/// What we write of a file of any age is what MXNet writes of that text; its operators have one name each by now.
TEST(SymbolInMxnet, OfOtherPeoplesModelsIsTheTextThatMxnetWrites) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const auto& [file, shape] : {std::pair{"G_sagemaker-models/sagemaker-ic", "2 3 224 224"},
                                    {"G_sagemaker-models/aslens", "2 3 224 224"},
                                    {"G_sagemaker-models/skin", "2 3 224 224"},
                                    {"H_weights/mxnet/residual", "2 3 224 224"},
                                    {"H_weights/mxnet/lenet", "2 1 28 28"},
                                    {"H_weights/mxnet/gender-age", "2 3 112 112"}}) {
    const test::TempFolder folder;
    const std::string ours = symbol_text(read_symbol(test::data_folder() / cat(file, "-symbol.json")));
    test::write_file(folder / "x.json", ours);
    const test::Outcome outcome =
        test::run_mxnet("model_symbol.py", cat((folder / "x.json").string(), " ", (folder / "theirs.json").string(),
                                               " ", (folder / "shapes.txt").string(), " ", shape));
    ASSERT_EQ(outcome.status, 0) << file << outcome.output;
    const std::string theirs = replaced(read_text(folder / "theirs.json"), "\"int\", 10901", "\"int\", 10300");
    EXPECT_TRUE(replaced(ours, "ElementWiseSum", "add_n") == theirs) << file << theirs.substr(0, 2000);
  }
}

struct Case {
  NetworkOptions options;
  const char* name;
  const char* network = "resnet_v2";
};
void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
class SymbolOfNetworkInMxnet : public testing::TestWithParam<Case> {};

TEST_P(SymbolOfNetworkInMxnet, HasTheSameTextArgumentsAndShapes) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  const NetworkOptions& options = GetParam().options;
  const test::TempFolder folder;
  const Graph graph = make_network(GetParam().network, options);
  test::write_file(folder / "x.json", symbol_text(graph));
  const auto path = [&](const char* name) { return (folder / name).string(); };
  const test::Outcome outcome =
      test::run_mxnet("model_symbol.py", cat(path("x.json"), " ", path("theirs.json"), " ", path("shapes.txt"), " 2 ",
                                             options.channels, " ", options.height, " ", options.width));
  ASSERT_EQ(outcome.status, 0) << outcome.output;

  std::string arguments, auxiliary;
  const Facts facts = infer(graph, {2, options.channels, options.height, options.width});
  for (const Parameter& parameter : facts.parameters)
    (parameter.auxiliary ? auxiliary : arguments) += parameter.name + " " + shape_text(parameter.shape) + "\n";
  const std::string expected = arguments + auxiliary + "output " + shape_text(facts.outputs.back()[0]) + "\n";
  EXPECT_TRUE(read_text(folder / "shapes.txt") == expected) << read_text(folder / "shapes.txt");
  const std::string theirs = replaced(read_text(folder / "theirs.json"), "\"int\", 10901", "\"int\", 10300");
  EXPECT_TRUE(symbol_text(graph) == theirs);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, SymbolOfNetworkInMxnet,
    testing::Values(Case{{.num_layers = 50, .classes = 7}, "Deep50"},
                    Case{{.num_layers = 20, .classes = 10, .height = 28, .width = 28}, "Small20"},
                    Case{{.num_layers = 50, .classes = 7}, "ResNetV1", "resnet_v1"},
                    Case{{.num_layers = 20, .classes = 7, .height = 32, .width = 32, .shortcut = "pad"},
                         "PaddedShortcuts",
                         "resnet_v1"},
                    Case{{.classes = 7}, "MobileNet", "mobilenet_v2"},
                    Case{
                        {.num_layers = 18, .classes = 5, .channels = 1, .height = 97, .width = 65, .multi_label = true},
                        "MultiLabel18"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace lockstep::model

#include "lockstep/model/artefact.h"

#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"
#include "recognise.h"
#include "sample_artefact.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;
namespace fs = std::filesystem;

Artefact artefact_of(const NetworkOptions& options, int64_t epoch = 1) {
  Artefact artefact = test::sample_artefact(options, epoch);
  artefact.card.stretch = false;
  return artefact;
}

Artefact small_artefact(int64_t epoch = 1) {
  return artefact_of({.num_layers = 20, .classes = 2, .height = 28, .width = 28}, epoch);
}

void expect_same_arrays(const Artefact& a, const Artefact& b) {
  ASSERT_EQ(a.arrays.size(), b.arrays.size());
  for (const Array& array : a.arrays) {
    const Array* found = find_array(b.arrays, array.name);
    ASSERT_NE(found, nullptr) << array.name;
    EXPECT_TRUE(found->data == array.data) << array.name;
  }
}

TEST(Artefact, HasSageMakersFilesAndOurs) {
  const test::TempFolder folder;
  Artefact artefact = artefact_of({.num_layers = 18, .classes = 2}, 12);
  write_artefact(folder / "model", artefact, false);
  for (const char* name : {"image-classification-symbol.json", "image-classification-0012.params", "lockstep.json"})
    EXPECT_TRUE(fs::exists(folder / "model" / name)) << name;
  EXPECT_EQ(read_text(folder / "model" / "model-shapes.json"), "[{\"shape\": [16, 3, 224, 224], \"name\": \"data\"}]");
}

TEST(Artefact, IsReadAsItWasWritten) {
  const test::TempFolder folder;
  Artefact artefact = small_artefact(7);
  artefact.card.classes = {"cat", "dog"};
  write_artefact(folder / "model", artefact, false);
  pack_artefact(folder / "model", folder / "model.tar.gz");
  for (const Path& path : {folder / "model", folder / "model.tar.gz", folder.path()}) {
    const Artefact back = read_artefact(path);
    expect_same_arrays(artefact, back);
    EXPECT_EQ(symbol_text(back.graph), symbol_text(artefact.graph));
    EXPECT_EQ(back.card.classes, artefact.card.classes);
    EXPECT_FALSE(back.card.stretch);
    EXPECT_EQ(back.epoch, 7);
    EXPECT_EQ(back.batch, 16);
    expect_contains(back.source, "image-classification-0007.params");
  }
}

TEST(Artefact, PutsArgumentsInFrontOfStatistics) {
  const test::TempFolder folder;
  write_artefact(folder.path(), small_artefact(), false);
  bool auxiliary = false;
  for (const Array& array : read_params(folder / "image-classification-0001.params")) {
    EXPECT_FALSE(auxiliary && array.name.starts_with("arg:")) << array.name;
    auxiliary = array.name.starts_with("aux:");
  }
  EXPECT_TRUE(auxiliary);
}

TEST(Artefact, OtherEpochsGoUnlessTheyAreKept) {
  const test::TempFolder folder;
  write_artefact(folder.path(), small_artefact(1), false);
  write_artefact(folder.path(), small_artefact(2), true);
  EXPECT_TRUE(fs::exists(folder / "image-classification-0001.params"));
  write_artefact(folder.path(), small_artefact(3), false);
  EXPECT_FALSE(fs::exists(folder / "image-classification-0001.params"));
  EXPECT_FALSE(fs::exists(folder / "image-classification-0002.params"));
}

TEST(Artefact, BestEpochIsTakenElseTheNewest) {
  const test::TempFolder folder;
  Artefact artefact = small_artefact(2);
  write_artefact(folder.path(), artefact, true);
  artefact.epoch = 10;
  write_artefact(folder.path(), artefact, true);
  EXPECT_EQ(read_artefact(folder.path()).epoch, 10);
  artefact.card.origin["best_epoch"] = "2";
  write_artefact(folder.path(), artefact, true);
  EXPECT_EQ(read_artefact(folder.path()).epoch, 2);
  fs::remove(folder / "image-classification-0002.params");
  EXPECT_EQ(read_artefact(folder.path()).epoch, 10);
}

TEST(Artefact, WithoutOurCardSageMakersRuleHolds) {
  const test::TempFolder folder;
  Artefact artefact = artefact_of({.num_layers = 20, .classes = 3, .height = 40, .width = 48, .multi_label = true});
  write_artefact(folder.path(), artefact, false);
  fs::remove(folder / "lockstep.json");
  const Card card = read_artefact(folder.path()).card;
  EXPECT_EQ(card.network, "resnet_v2");
  EXPECT_EQ(card.num_layers, 20);
  EXPECT_EQ(card.height, 40);
  EXPECT_EQ(card.width, 48);
  EXPECT_TRUE(card.multi_label);
  EXPECT_TRUE(card.stretch);
  EXPECT_EQ(card.resize, 0);
  EXPECT_TRUE(card.mean.empty() && card.std.empty() && card.classes.empty());
}

TEST(Artefact, IsReadFromACheckpoint) {
  const test::TempFolder folder;
  Artefact artefact = small_artefact();
  artefact.card.origin["epoch"] = "4";
  checkpoint::Content content{artefact.arrays,
                              {{"symbol.json", symbol_text(artefact.graph)}, {"card.json", card_text(artefact.card)}}};
  const float moment = 1;
  content.tensors.push_back(float_array("moment0:fc1_bias", {1}, &moment));
  const Path path = checkpoint::save(folder.path(), 3, content, 1);
  for (const Path& from : {path, folder.path()}) {
    const Artefact back = read_artefact(from);
    expect_same_arrays(artefact, back);
    EXPECT_EQ(back.epoch, 4);
    EXPECT_EQ(back.source, path.string());
  }
}

TEST(Artefact, SaysWhatItLookedFor) {
  const test::TempFolder folder;
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder / "nothing"); }), "nothing");
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder.path()); }), "symbol.json");
  write_artefact(folder.path(), small_artefact(), false);
  fs::remove(folder / "image-classification-0001.params");
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder.path()); }), "NNNN.params");
}

TEST(Artefact, RefusesAnInputSizeThatNobodyHas) {
  const test::TempFolder folder;
  write_artefact(folder.path(), small_artefact(), false);
  for (const char* shape : {"[1, 3, 0, 28]", "[1, 3, 28, 9000000000000000000]", "[1, -3, 28, 28]", "[1, 3, 28]"}) {
    test::write_file(folder / "model-shapes.json", cat("[{\"shape\": ", shape, ", \"name\": \"data\"}]"));
    expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder.path()); }), "model-shapes.json");
  }
}

TEST(Artefact, IsFoundByItsPrefixAndByEitherFile) {
  const test::TempFolder folder;
  write_artefact(folder.path(), small_artefact(2), true);
  write_artefact(folder.path(), small_artefact(10), true);
  const std::string prefix = (folder / "image-classification").string();
  EXPECT_EQ(read_artefact(prefix).epoch, 10);
  EXPECT_EQ(read_artefact(prefix + "-symbol.json").epoch, 10);
  EXPECT_EQ(read_artefact(prefix + "-0002.params").epoch, 2);
  EXPECT_EQ(read_artefact(prefix + "-0002").epoch, 2);
  fs::remove(prefix + "-symbol.json");
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(prefix + "-0002.params"); }), "arrays alone");
}

TEST(Artefact, OfSeveralModelsSageMakersIsTaken) {
  const test::TempFolder folder;
  write_artefact(folder.path(), small_artefact(), false);
  test::write_file(folder / "other-symbol.json", "{}");
  EXPECT_EQ(read_artefact(folder.path()).epoch, 1);
  for (const char* end : {"-symbol.json", "-0001.params"})
    fs::rename(folder / (std::string("image-classification") + end), folder / (std::string("mine") + end));
  const std::string message = expect_error(ErrorKind::kData, [&] { read_artefact(folder.path()); });
  expect_contains(message, "mine, other");
  EXPECT_EQ(read_artefact(folder / "mine").epoch, 1);
}

TEST(Artefact, ASingleArchiveOfAnotherNameIsTaken) {
  const test::TempFolder folder;
  write_artefact(folder / "m", small_artefact(3), false);
  fs::create_directory(folder / "channel");
  pack_artefact(folder / "m", folder / "channel" / "job-7.tar.gz");
  EXPECT_EQ(read_artefact(folder / "channel").epoch, 3);
  pack_artefact(folder / "m", folder / "channel" / "job-8.tar.gz");
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder / "channel"); }), "2 archives");
}

TEST(Artefact, ADamagedCheckpointIsPassedOverAsByResume) {
  const test::TempFolder folder;
  const Artefact artefact = small_artefact();
  const checkpoint::Content content{
      artefact.arrays, {{"symbol.json", symbol_text(artefact.graph)}, {"card.json", card_text(artefact.card)}}};
  const Path older = checkpoint::save(folder.path(), 3, content, 2),
             newer = checkpoint::save(folder.path(), 4, content, 2);
  EXPECT_EQ(read_artefact(folder.path()).source, newer.string());
  test::write_file(newer / "tensors.safetensors", "damaged");
  EXPECT_EQ(read_artefact(folder.path()).source, older.string());
}

TEST(Artefact, WithoutShapesTheInputSizeFollowsFromTheArrays) {
  const test::TempFolder folder;
  const Graph graph = parse_symbol(
      R"({"nodes":[{"op":"null","name":"data","inputs":[]},{"op":"null","name":"f_weight","inputs":[]},
      {"op":"null","name":"f_bias","inputs":[]},
      {"op":"FullyConnected","name":"f","attrs":{"num_hidden":"2"},"inputs":[[0,0,0],[1,0,0],[2,0,0]]}],
      "arg_nodes":[0,1,2],"heads":[[3,0,0]]})",
      "x");
  const std::vector<float> values(2 * 28 * 28);
  write_params(folder / "x-0000.params", {float_array("arg:f_weight", {2, 28 * 28}, values.data())});
  test::write_file(folder / "x-symbol.json", symbol_text(graph));
  const Card card = read_artefact(folder.path()).card;
  EXPECT_EQ((Shape{card.channels, card.height, card.width}), (Shape{1, 28, 28}));
}

TEST(Artefact, NamesTheFileInsideTheArchiveThatIsBad) {
  const test::TempFolder folder;
  write_artefact(folder / "m", small_artefact(), false);
  test::write_file(folder / "m" / "image-classification-0001.params", "not an array");
  pack_artefact(folder / "m", folder / "model.tar.gz");
  expect_contains(expect_error(ErrorKind::kData, [&] { read_artefact(folder / "model.tar.gz"); }),
                  "image-classification-0001.params");
}

TEST(Recognise, TellsTheDepthOfEveryForm) {
  for (const auto& [depth, side] :
       {std::pair{18, 32}, {34, 40}, {50, 33}, {200, 224}, {20, 28}, {110, 224}, {164, 28}}) {
    Card card{.height = side, .width = side, .classes = {}};
    recognise(make_network("resnet_v2", {.num_layers = depth, .classes = 2, .height = side, .width = side}), card);
    EXPECT_EQ(card.network, "resnet_v2");
    EXPECT_EQ(card.num_layers, depth);
  }
}

TEST(Recognise, LeavesAnotherNetworkUnnamed) {
  Graph graph = make_network("resnet_v2", {.num_layers = 18, .classes = 2});
  graph.nodes[graph.find("stage1_unit1_conv1")].attributes["num_filter"] = "32";
  Card card;
  recognise(graph, card);
  EXPECT_EQ(card.network, "");
  EXPECT_EQ(card.num_layers, 0);
}

TEST(Recognise, SageMakersModelsAreKnown) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  struct Known {
    const char* file;
    int layers, classes;
    const char* classifier;
  };
  for (const Known& known :
       {Known{"sagemaker-ic", 50, 2, "fc"}, Known{"aslens", 18, 24, "newlayer_fc2"}, Known{"skin", 18, 4, "fc1"}}) {
    const test::TempFolder folder;
    fs::copy(test::data_folder() / "G_sagemaker-models" / cat(known.file, "-symbol.json"),
             folder / "image-classification-symbol.json");
    test::write_file(folder / "model-shapes.json", "[{\"shape\": [16, 3, 224, 224], \"name\": \"data\"}]");
    write_params(folder / "image-classification-0010.params", {});
    const Artefact artefact = read_artefact(folder.path());
    EXPECT_EQ(artefact.card.network, "resnet_v2") << known.file;
    EXPECT_EQ(artefact.card.num_layers, known.layers) << known.file;
    EXPECT_EQ(artefact.epoch, 10);
    const Output output = find_output(artefact.graph);
    EXPECT_EQ(output.classes, known.classes);
    EXPECT_EQ(artefact.graph.nodes[output.logits].name, known.classifier);
  }
}

TEST(Artefact, ModelThatIsNoClassifierIsRefused) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const std::string message = expect_error(
      ErrorKind::kData, [] { read_artefact(test::data_folder() / "H_weights/mxnet/headpose-model.tar.gz"); });
  expect_contains(message, "headpose-model.tar.gz: the graph has 4 outputs");
}

TEST(Artefact, IsOpenedAndRunByMxnet) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  const test::TempFolder folder;
  std::string arguments;
  for (const auto& [depth, side, multi_label] :
       {std::tuple{18, 64, false}, {50, 64, false}, {20, 28, false}, {18, 32, true}}) {
    const std::string name = cat(depth, "-", side);
    const Artefact artefact =
        artefact_of({.num_layers = depth, .classes = 5, .height = side, .width = side, .multi_label = multi_label}, 3);
    write_artefact(folder / "m", artefact, false);
    pack_artefact(folder / "m", folder / (name + ".tar.gz"));
    arguments += (folder / (name + ".tar.gz")).string() + " ";
  }
  const test::Outcome outcome = test::run_mxnet("model_artefact.py", "3 5 " + arguments);
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  expect_contains(outcome.output, "4 models run");
}

}  // namespace
}  // namespace lockstep::model

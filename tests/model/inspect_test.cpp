#include "lockstep/model/inspect.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "damage.h"
#include "lockstep/model/convert.h"
#include "lockstep/model/mxnet.h"
#include "sample_artefact.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

TEST(Inspect, SaysWhatAModelHolds) {
  const test::TempFolder folder;
  Artefact artefact = test::sample_artefact();
  artefact.card.classes = {"cat", "dog"};
  write_artefact(folder / "m", artefact, false);
  const Inspection found = inspect(folder / "m");
  EXPECT_EQ(found.form, "MXNet model");
  EXPECT_EQ(found.card->network, "resnet_v2");
  EXPECT_EQ(found.output->classes, 2);
  EXPECT_EQ(found.epoch, 1);
  EXPECT_EQ(found.cannot_train, "");
  EXPECT_EQ(found.cannot_continue, "");
  const std::string text = to_text(found, false);
  for (const char* part : {"resnet_v2 with 20 layers", "cat, dog", "3 x 28 x 28", "1.3.0", "can continue it"})
    expect_contains(text, part);
  EXPECT_EQ(text.find("conv0_weight"), text.npos);
  expect_contains(to_text(found, true), "arg:conv0_weight (16, 3, 3, 3) float32");
}

TEST(Inspect, TheJsonHoldsTheSame) {
  const test::TempFolder folder;
  write_artefact(folder.path(), test::sample_artefact(), false);
  const auto json = nlohmann::json::parse(to_json(inspect(folder.path()), true));
  EXPECT_EQ(json.at("card").at("num_layers"), 20);
  EXPECT_EQ(json.at("output").at("classes"), 2);
  EXPECT_TRUE(json.at("can_train"));
  EXPECT_TRUE(json.at("sagemaker_can_continue"));
  EXPECT_EQ(json.at("arrays").at(0).at("type"), "float32");
}

TEST(Inspect, ArraysAndSymbolAloneAreToldApart) {
  const test::TempFolder folder;
  const Artefact artefact = test::sample_artefact();
  write_params(folder / "x.params", artefact.arrays);
  test::write_file(folder / "x.json", symbol_text(artefact.graph));
  const Inspection arrays = inspect(folder / "x.params"), symbol = inspect(folder / "x.json");
  EXPECT_EQ(arrays.form, "arrays");
  EXPECT_EQ(arrays.arrays.size(), artefact.arrays.size());
  EXPECT_NE(arrays.cannot_train, "");
  EXPECT_EQ(symbol.form, "symbol");
  EXPECT_EQ(symbol.output->classes, 2);
  expect_contains(symbol.cannot_train, "no weights");
}

TEST(Inspect, NamesTheArrayThatIsMissing) {
  const test::TempFolder folder;
  Artefact artefact = test::sample_artefact();
  std::erase_if(artefact.arrays, [](const Array& array) { return array.name == "arg:bn1_beta"; });
  write_artefact(folder.path(), artefact, false);
  expect_contains(inspect(folder.path()).cannot_train, "arg:bn1_beta is absent");
}

TEST(Inspect, RefusesDamagedWeightsWithTheOffset) {
  const test::TempFolder folder;
  write_artefact(folder / "m", test::sample_artefact(), false);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "m"))
    if (entry.path().extension() == ".params") std::filesystem::resize_file(entry.path(), 5000);
  expect_contains(expect_error(ErrorKind::kData, [&] { inspect(folder / "m"); }), "offset");
}

TEST(Inspect, SaysWhySageMakerCannotContinue) {
  const test::TempFolder folder;
  Artefact artefact = test::sample_artefact();
  artefact.card.mean = {1, 2, 3};
  write_artefact(folder.path(), artefact, false);
  const Inspection found = inspect(folder.path());
  EXPECT_EQ(found.cannot_train, "");
  expect_contains(found.cannot_continue, "raw pixels");
}

TEST(Inspect, ReadsEveryFormThatConvertWrites) {
  const test::TempFolder folder;
  write_artefact(folder / "m", test::sample_artefact(), false);
  for (const char* name : {"x.tar.gz", "x.safetensors", "y/net-0001.params", "z"}) {
    convert(folder / "m", folder / name);
    EXPECT_EQ(inspect(folder / name).cannot_train, "") << name;
  }
  EXPECT_EQ(inspect(folder / "x.safetensors").form, "weights");
  EXPECT_EQ(inspect(folder / "y/net").form, "MXNet model");
}

TEST(Inspect, RefusesWhatIsNoModel) {
  const test::TempFolder folder;
  test::write_file(folder / "x.txt", "hello");
  expect_error(ErrorKind::kData, [&] { inspect(folder / "x.txt"); });
  expect_error(ErrorKind::kData, [&] { inspect(folder / "absent"); });
  expect_error(ErrorKind::kData, [&] { inspect(folder.path()); });
}

TEST(Inspect, OfOtherPeoplesModelsSaysWhatTheyAre) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path weights = test::data_folder() / "H_weights";
  const Inspection pose = inspect(weights / "mxnet/headpose-model.tar.gz");
  EXPECT_EQ(pose.arrays.size(), 50u);
  expect_contains(pose.cannot_train, "4 outputs");
  expect_contains(pose.cannot_train, "hybridsequential0_multitask0_dense0_fwd");
  const Inspection gender = inspect(weights / "mxnet/gender-age-symbol.json");
  EXPECT_EQ(gender.arrays.size(), 146u);
  expect_contains(gender.cannot_train, "BatchNorm \"fc1\"");
  const Inspection lenet = inspect(weights / "mxnet/lenet-0001.params");
  EXPECT_EQ(lenet.cannot_train, "");
  EXPECT_EQ(lenet.card->channels, 1);
  EXPECT_EQ(lenet.card->height, 28);
  expect_contains(lenet.cannot_continue, "not the ResNet");
  EXPECT_EQ(inspect(weights / "mxnet/residual").cannot_train, "");
  const Inspection oldest = inspect(weights / "mxnet/legacy_ndarray.v0");
  EXPECT_EQ(oldest.arrays.size(), 6u);
  const Inspection digits = inspect(weights / "safetensors/mnist-cnn-bn.safetensors");
  EXPECT_EQ(digits.form, "arrays");
  EXPECT_NE(digits.cannot_train, "");
  EXPECT_EQ(inspect(weights / "torch/resnet20-12fca82f.th").card->network, "resnet_v1");
  const Inspection detector = inspect(test::data_folder() / "G_sagemaker-models/xchen-symbol.json");
  expect_contains(detector.cannot_train, "_contrib_MultiBoxDetection \"detection\"");
}

}  // namespace
}  // namespace lockstep::model

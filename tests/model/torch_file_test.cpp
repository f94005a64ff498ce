#include "torch_file.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "archive.h"
#include "damage.h"
#include "lockstep/core/text.h"
#include "lockstep/model/network.h"
#include "lockstep/model/torch_names.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

/// A network whose values count up, so that none can be mistaken for another.
Artefact artefact_of(const std::string& network, const NetworkOptions& options) {
  Artefact artefact;
  artefact.graph = make_network(network, options);
  artefact.card.network = network;
  artefact.card.num_layers = options.num_layers;
  artefact.card.channels = options.channels;
  artefact.card.height = options.height, artefact.card.width = options.width;
  float next = 0;
  const Facts facts = infer(artefact.graph, {1, options.channels, options.height, options.width});
  for (const bool auxiliary : {false, true})
    for (const Parameter& parameter : facts.parameters) {
      if (parameter.auxiliary != auxiliary) continue;
      std::vector<float> values(static_cast<size_t>(count(parameter.shape)), next++);
      artefact.arrays.push_back(
          float_array((auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, values.data()));
    }
  return artefact;
}

void expect_same(const Arrays& a, const Arrays& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].shape, b[i].shape) << a[i].name;
    EXPECT_TRUE(a[i].data == b[i].data) << a[i].name;
  }
}

const NetworkOptions kSmall = {.num_layers = 20, .classes = 10, .height = 32, .width = 32};

struct Case {
  const char* network;
  NetworkOptions options;
};

const Case kCases[] = {
    {"resnet_v1", {.num_layers = 18, .classes = 3}},
    {"resnet_v1", {.num_layers = 34, .classes = 1000}},
    {"resnet_v1", {.num_layers = 50, .classes = 133, .channels = 4}},
    {"resnet_v1", {.num_layers = 18, .classes = 10, .height = 32, .width = 32}},
    {"resnet_v1", kSmall},
    {"resnet_v1", {.num_layers = 56, .classes = 100, .channels = 1, .height = 32, .width = 32, .shortcut = "pad"}},
    {"mobilenet_v2", {.classes = 46}},
    {"resnet_v2", {.num_layers = 18, .classes = 2}},
    {"resnet_v2", {.num_layers = 50, .classes = 2}},
    {"resnet_v2", {.num_layers = 32, .classes = 10, .height = 32, .width = 32}},
};

TEST(TorchFile, RecognisesNetworkDepthClassesAndChannelsByNamesAndShapes) {
  for (const Case& row : kCases) {
    const test::TempFolder folder;
    const Artefact artefact = artefact_of(row.network, row.options);
    write_safetensors(folder / "x.safetensors", to_torch_names(artefact).arrays, {});
    const Artefact back = read_torch_file(folder / "x.safetensors");
    EXPECT_EQ(back.card.network, row.network);
    EXPECT_EQ(back.card.num_layers, row.options.num_layers);
    EXPECT_EQ(back.card.channels, row.options.channels);
    EXPECT_EQ(back.card.height, row.options.height);
    EXPECT_EQ(find_output(back.graph).classes, row.options.classes);
    EXPECT_EQ(symbol_text(back.graph), symbol_text(artefact.graph));
    expect_same(back.arrays, artefact.arrays);
  }
}

TEST(TorchFile, KeepsTheCardThatOurOwnFilesCarry) {
  const test::TempFolder folder;
  Artefact artefact = artefact_of("resnet_v1", kSmall);
  artefact.card.classes = {"cat", "dog"};
  artefact.card.mean = {1, 2, 3};
  write_safetensors(folder / "x.safetensors", to_torch_names(artefact));
  EXPECT_EQ(card_text(read_torch_file(folder / "x.safetensors").card), card_text(artefact.card));
}

TEST(TorchFile, OthersAreFedAsTheirPublishersFeedThem) {
  const test::TempFolder folder;
  const auto card_of = [&](const char* network, const NetworkOptions& options) {
    write_safetensors(folder / "x.safetensors", to_torch_names(artefact_of(network, options)).arrays, {});
    return read_torch_file(folder / "x.safetensors").card;
  };
  const Card large = card_of("mobilenet_v2", {.classes = 1000});
  EXPECT_EQ(large.resize, 256);
  EXPECT_EQ(large.height, 224);
  EXPECT_EQ(large.interpolation, "antialias");
  EXPECT_FALSE(large.stretch);
  EXPECT_EQ(large.mean, (std::vector<double>{123.675, 116.28, 103.53}));
  EXPECT_EQ(large.std, (std::vector<double>{58.395, 57.12, 57.375}));
  EXPECT_TRUE(large.origin.empty());
  const Card small = card_of("resnet_v1", kSmall);
  EXPECT_EQ(small.resize, 32);
  EXPECT_EQ(small.mean, large.mean);
  expect_contains(small.origin.at("preprocessing"), "assumed");
  EXPECT_TRUE(card_of("resnet_v2", {.num_layers = 18, .classes = 2}).stretch) << "SageMaker's rule";
}

/// The tensors of a ResNet-20 after `rename`.
void expect_recognised(const std::function<std::string(std::string)>& rename, const std::string& shortcut) {
  NetworkOptions options = kSmall;
  options.shortcut = shortcut;
  Arrays arrays = to_torch_names(artefact_of("resnet_v1", options)).arrays;
  for (Array& array : arrays) array.name = rename(array.name);
  const float one = 1;
  arrays.push_back(float_array(rename("bn1.num_batches_tracked"), {1}, &one));
  const test::TempFolder folder;
  write_safetensors(folder / "x.safetensors", arrays, {});
  EXPECT_EQ(read_torch_file(folder / "x.safetensors").card.num_layers, 20);
}

std::string replace_all(std::string text, const std::string& old, const std::string& changed) {
  for (size_t at = 0; (at = text.find(old, at)) != std::string::npos; at += changed.size())
    text.replace(at, old.size(), changed);
  return text;
}

TEST(TorchFile, KnowsTheNamesOfTheUsualProjects) {
  expect_recognised([](const std::string& name) { return "module." + replace_all(name, "fc.", "linear."); }, "pad");
  expect_recognised([](const std::string& name) { return "model.net." + replace_all(name, "downsample", "shortcut"); },
                    "projection");
  expect_recognised(
      [](std::string name) {
        for (const std::string digit : {"1", "2", "3"}) {
          name = replace_all(name, "conv" + digit, "conv_" + digit);
          name = replace_all(name, "bn" + digit, "bn_" + digit);
          name = replace_all(name, "layer" + digit, "stage_" + digit);
        }
        return name;
      },
      "projection");
}

/// Of a network in torchvision's names, in those that `rename` gives them -> what it is recognised as.
Artefact renamed(const std::string& network, const NetworkOptions& options,
                 const std::function<std::string(const std::string&)>& rename) {
  Arrays arrays = to_torch_names(artefact_of(network, options)).arrays;
  for (Array& array : arrays) array.name = rename(array.name);
  const test::TempFolder folder;
  write_safetensors(folder / "x.safetensors", arrays, {});
  return read_torch_file(folder / "x.safetensors");
}

/// Hugging Face's name of a tensor of torchvision's ResNet.
std::string hugging_face(const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  const auto kind = [](const std::string& part) {
    return part.starts_with("conv") || part == "0" ? ".convolution." : ".normalization.";
  };
  if (parts[0] == "fc") return "classifier.1." + parts[1];
  if (parts.size() == 2) return cat("resnet.embedder.embedder", kind(parts[0]), parts[1]);
  const std::string block = cat("resnet.encoder.stages.", parts[0].back() - '1', ".layers.", parts[1]);
  if (parts[2] == "downsample") return cat(block, ".shortcut", kind(parts[3]), parts[4]);
  return cat(block, ".layer.", parts[2].back() - '1', kind(parts[2]), parts[3]);
}

TEST(TorchFile, KnowsTheNamesOfHuggingFacesResNets) {
  EXPECT_EQ(hugging_face("layer1.0.conv2.weight"), "resnet.encoder.stages.0.layers.0.layer.1.convolution.weight");
  EXPECT_EQ(hugging_face("layer4.0.downsample.1.running_var"),
            "resnet.encoder.stages.3.layers.0.shortcut.normalization.running_var");
  for (const int64_t depth : {18, 50}) {
    const NetworkOptions options = {.num_layers = depth, .classes = 7};
    const Artefact artefact = renamed("resnet_v1", options, hugging_face);
    EXPECT_EQ(artefact.card.num_layers, depth);
    expect_same(artefact.arrays, artefact_of("resnet_v1", options).arrays);
  }
}

/// timm's name of a tensor of torchvision's MobileNetV2.
std::string timm(const std::string& name) {
  static const std::map<std::string, std::string> around = {{"features.0.0", "conv_stem"},
                                                            {"features.0.1", "bn1"},
                                                            {"features.18.0", "conv_head"},
                                                            {"features.18.1", "bn2"},
                                                            {"classifier.1", "classifier"}};
  static const std::map<std::string, std::string> first = {
      {"0.0", "conv_dw"}, {"0.1", "bn1"}, {"1", "conv_pw"}, {"2", "bn2"}};
  static const std::map<std::string, std::string> others = {{"0.0", "conv_pw"}, {"0.1", "bn1"},    {"1.0", "conv_dw"},
                                                            {"1.1", "bn2"},     {"2", "conv_pwl"}, {"3", "bn3"}};
  const size_t dot = name.rfind('.');
  const std::string module = name.substr(0, dot), end = name.substr(dot);
  if (around.contains(module)) return around.at(module) + end;
  const std::vector<std::string> parts = split(module, '.');  // features, number, conv, place[, place]
  int64_t block = std::stoi(parts[1]) - 1, stage = 0;
  for (const int64_t blocks : {1, 2, 3, 4, 3, 3, 1}) {
    if (block < blocks) break;
    block -= blocks, ++stage;
  }
  const std::string place = parts.size() > 4 ? cat(parts[3], ".", parts[4]) : parts[3];
  return cat("blocks.", stage, ".", block, ".", stage == 0 ? first.at(place) : others.at(place), end);
}

TEST(TorchFile, KnowsTheNamesOfTimmsMobileNet) {
  EXPECT_EQ(timm("features.2.conv.2.weight"), "blocks.1.0.conv_pwl.weight");
  EXPECT_EQ(timm("features.17.conv.3.bias"), "blocks.6.0.bn3.bias");
  const NetworkOptions options = {.classes = 5};
  expect_same(renamed("mobilenet_v2", options, timm).arrays, artefact_of("mobilenet_v2", options).arrays);
}

TEST(TorchFile, WrappersFallAwayWhereOtherTensorsHaveNone) {
  const auto mixed = [](const std::string& name) { return name.starts_with("fc.") ? name : "backbone." + name; };
  EXPECT_EQ(renamed("resnet_v1", kSmall, mixed).card.num_layers, 20);
  const auto compiled = [](const std::string& name) { return "_orig_mod.module." + name; };
  EXPECT_EQ(renamed("resnet_v1", kSmall, compiled).card.num_layers, 20);
}

TEST(TorchFile, WhatATrainerKeepsBesideTheNetworkIsNamed) {
  Arrays arrays = to_torch_names(artefact_of("resnet_v1", kSmall)).arrays;
  for (Array& array : arrays) array.name = "model." + array.name;
  const float one = 1;
  arrays.push_back(float_array("criterion.weight", {1}, &one));
  arrays.push_back(float_array("n_averaged", {1}, &one));
  const test::TempFolder folder;
  write_safetensors(folder / "x.safetensors", arrays, {});
  expect_contains(expect_error(ErrorKind::kData, [&] { read_torch_file(folder / "x.safetensors"); }),
                  "differs in 1 tensor: the file has \"criterion.weight\" (1,), the network has not");
}

TEST(TorchFile, NetworksThatAreLikeOursAreRefusedByWhatDiffers) {
  const auto deep_stem = [](const std::string& name) {  // timm's resnet18d has three convolutions there
    return name.starts_with("conv1.") ? "conv1.0." + name.substr(6) : name;
  };
  expect_contains(
      expect_error(ErrorKind::kData, [&] { renamed("resnet_v1", {.num_layers = 18, .classes = 3}, deep_stem); }),
      "nearest is resnet_v1 with 18 layers");
}

TEST(TorchFile, NamesTheNearestNetworkAndTheFirstTensorThatDiffers) {
  const test::TempFolder folder;
  const auto refusal_of = [&](const Arrays& arrays) {
    write_safetensors(folder / "x.safetensors", arrays, {});
    return expect_error(ErrorKind::kData, [&] { read_torch_file(folder / "x.safetensors"); });
  };
  const Arrays whole = to_torch_names(artefact_of("resnet_v1", {.num_layers = 34, .classes = 3})).arrays;
  Arrays arrays = whole;
  std::erase_if(arrays, [](const Array& array) { return array.name == "layer2.3.bn1.weight"; });
  const std::string absent = refusal_of(arrays);
  expect_contains(absent, (folder / "x.safetensors").string());
  expect_contains(absent, "nearest is resnet_v1 with 34 layers, which differs in 1 tensor: ");
  expect_contains(absent, "the network has \"layer2.3.bn1.weight\" (128,), the file has not");

  arrays = whole;
  arrays[0] = float_array(arrays[0].name, {64, 3, 5, 5}, std::vector<float>(64 * 3 * 25).data());
  expect_contains(refusal_of(arrays), "\"conv1.weight\" is (64, 3, 5, 5) in the file and (64, 3, 7, 7) in the network");

  arrays = whole;
  const float one = 1;
  arrays.push_back(float_array("layer9.attention", {1}, &one));
  expect_contains(refusal_of(arrays), "the file has \"layer9.attention\" (1,), the network has not");
}

TEST(TorchFile, MakesFloatsOf16BitsAndRefusesIntegers) {
  const test::TempFolder folder;
  Arrays arrays = to_torch_names(artefact_of("resnet_v1", kSmall)).arrays;
  const size_t values = arrays[1].data.size() / 4;
  arrays[1].type = ElementType::kBfloat16;
  arrays[1].data.assign(values * 2, std::byte{0x40});  // 3
  write_safetensors(folder / "x.safetensors", arrays, {});
  const Array array = read_torch_file(folder / "x.safetensors").arrays[1];
  EXPECT_EQ(array.type, ElementType::kFloat32);
  EXPECT_EQ(to_floats(array)[0], 3);

  arrays[1].type = ElementType::kInt16;
  write_safetensors(folder / "x.safetensors", arrays, {});
  expect_contains(expect_error(ErrorKind::kData, [&] { read_torch_file(folder / "x.safetensors"); }),
                  "holds int16, not floating point");
}

TEST(TorchFile, IsFoundByReadArtefactAloneInAFolderAndInAnArchive) {
  const test::TempFolder folder;
  std::filesystem::create_directories(folder / "model");
  write_safetensors(folder / "model/weights.safetensors", to_torch_names(artefact_of("resnet_v1", kSmall)));
  write_archive(folder / "model.tar.gz", folder / "model", {"weights.safetensors"});
  for (const Path& path : {folder / "model/weights.safetensors", folder / "model", folder / "model.tar.gz"}) {
    const Artefact artefact = read_artefact(path);
    EXPECT_EQ(artefact.card.network, "resnet_v1");
    expect_contains(artefact.source, path.string());
  }
}

TEST(TorchFile, ReadsPublishedWeights) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path folder = test::data_folder() / "H_weights/torch";
  for (const auto& [name, depth, pads] : {std::tuple{"resnet20-12fca82f.th", 20, true},
                                          {"resnet32-d509ac18.th", 32, true},
                                          {"resnet44-014dd654.th", 44, true},
                                          {"resnet56-4bfd9763.th", 56, true},
                                          {"resnet20-optionB.pth", 20, false}}) {
    const Artefact artefact = read_artefact(folder / name);
    EXPECT_EQ(artefact.card.network, "resnet_v1") << name;
    EXPECT_EQ(artefact.card.num_layers, depth) << name;
    EXPECT_EQ(find_output(artefact.graph).classes, 10) << name;
    EXPECT_EQ(artefact.graph.find("layer2.0.shortcut.pad") >= 0, pads) << name;
  }
}

TEST(TorchFile, RefusesPublishedWeightsOfOtherNetworks) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path folder = test::data_folder() / "H_weights";
  for (const char* name : {"safetensors/mnist-cnn-bn.safetensors", "safetensors/mnist-cnn-tiny.safetensors"}) {
    const std::string message = expect_error(ErrorKind::kData, [&] { read_artefact(folder / name); });
    expect_contains(message, name);
    expect_contains(message, "no network that there is has most of these");
    expect_contains(message, "resnet_v1, mobilenet_v2");
  }
}

TEST(TorchNames, AreTorchvisions) {
  EXPECT_EQ(torch_name("arg:layer1.0.conv1_weight"), "layer1.0.conv1.weight");
  EXPECT_EQ(torch_name("arg:layer1.0.bn1_gamma"), "layer1.0.bn1.weight");
  EXPECT_EQ(torch_name("arg:layer1.0.downsample.1_beta"), "layer1.0.downsample.1.bias");
  EXPECT_EQ(torch_name("aux:bn1_moving_mean"), "bn1.running_mean");
  EXPECT_EQ(torch_name("bn1_moving_var"), "bn1.running_var");
  EXPECT_EQ(torch_name("arg:fc_bias"), "fc.bias");
}

TEST(TorchNames, OfTwoParametersAreNeverTheSame) {
  for (const Case& row : kCases) {
    std::vector<std::string> names;
    for (const Array& array : to_torch_names(artefact_of(row.network, row.options)).arrays) names.push_back(array.name);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << row.network;
  }
}

}  // namespace
}  // namespace lockstep::model

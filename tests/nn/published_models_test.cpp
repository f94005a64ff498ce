// Trained models of other people, which MXNet 1.9.1 ran once: the same pictures must give the same logits.
#include <cmath>
#include <numeric>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lockstep/core/file.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/mxnet.h"
#include "support/outside.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using nlohmann::json;

Path weights() { return test::data_folder() / "H_weights"; }

json expected_of(const std::string& name) {
  return json::parse(read_text(weights() / "expected.json")).at("mxnet/" + name);
}

/// Number i of the picture in C, H, W order is (i * 7919) mod 256, then what the model's authors did.
at::Tensor synthetic_picture(const json& expected) {
  const auto shape = expected.at("input").get<std::vector<int64_t>>();
  const json& preparation = expected.at("preprocess");
  const auto mean = preparation.value("mean", std::vector<double>(static_cast<size_t>(shape[0])));
  at::Tensor picture = at::empty({1, shape[0], shape[1], shape[2]}, at::kFloat);
  const int64_t pixels = shape[1] * shape[2];
  for (int64_t i = 0; i < picture.numel(); ++i)
    picture.data_ptr<float>()[i] = static_cast<float>(
        (static_cast<double>(i * 7919 % 256) / preparation.value("div", 1.0) - mean[static_cast<size_t>(i / pixels)]) *
        preparation.value("scale", 1.0));
  return picture;
}

void expect_first_logits(const at::Tensor& logits, const json& expected) {
  const auto values = expected.at("logits").at("synth").get<std::vector<float>>();
  const at::Tensor first = logits.select(0, 0).narrow(0, 0, static_cast<int64_t>(values.size()));
  const double error = test::relative_error(
      first, at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())}, at::kFloat));
  testing::Test::RecordProperty("relative_error", std::to_string(error));
  EXPECT_LE(error, 1e-5) << first;
}

Network network_of(const model::Graph& graph, const model::Arrays& arrays, const at::Tensor& picture) {
  Network network(graph, picture.sizes().vec(), 1);
  EXPECT_EQ(network.load(arrays), std::vector<std::string>{});
  return network;
}

TEST(PublishedMxnetModels, GiveTheLogitsOfMxnet) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const char* name : {"residual-0000.params", "lenet-0001.params"}) {
    SCOPED_TRACE(name);
    const json expected = expected_of(name);
    const model::Artefact artefact = model::read_artefact(weights() / "mxnet" / name);
    const at::Tensor picture = synthetic_picture(expected);
    EXPECT_EQ((model::Shape{1, artefact.card.channels, artefact.card.height, artefact.card.width}),
              model::Shape(picture.sizes().vec()));
    Network network = network_of(artefact.graph, artefact.arrays, picture);
    expect_first_logits(network.forward(picture, Mode::kEvaluate), expected);
  }
}

/// Its end, a BatchNorm of the 202 outputs with a gamma of 1, is no classifier's: the network is run to the layer
/// before.
TEST(PublishedMxnetModels, MobileNetWithScalarsAndPreluGivesTheOutputsOfMxnet) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const json expected = expected_of("gender-age-0000.params");
  model::Graph graph = model::read_symbol(weights() / "mxnet/gender-age-symbol.json");
  const model::Arrays arrays = model::read_params(weights() / "mxnet/gender-age-0000.params");
  graph.heads = {{graph.find("pre_fc1")}};
  const at::Tensor picture = synthetic_picture(expected);
  at::Tensor outputs = network_of(graph, arrays, picture).forward(picture, Mode::kEvaluate);

  const auto values = [&](const char* name) { return at::tensor(model::to_floats(*model::find_array(arrays, name))); };
  outputs = outputs.sub(values("aux:fc1_moving_mean")).div(values("aux:fc1_moving_var").add(2e-5).sqrt());
  expect_first_logits(outputs.add(values("arg:fc1_beta")), expected);
}

}  // namespace
}  // namespace lockstep::nn

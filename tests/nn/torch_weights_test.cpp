// torch and torchvision are the judges of their networks: the same weights and pictures must give the same logits.
#include <numeric>

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "lockstep/model/torch_names.h"
#include "support/outside.h"
#include "support/temp_folder.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

at::Tensor to_tensor(const model::Array& array) {
  std::vector<float> values = model::to_floats(array);
  return at::from_blob(values.data(), array.shape, at::kFloat).clone();
}

Network network_of(const model::Artefact& artefact, int64_t size) {
  Network network(artefact.graph, {1, artefact.card.channels, size, size}, 1);
  EXPECT_EQ(network.load(artefact.arrays), std::vector<std::string>{});
  return network;
}

struct Case {
  const char* network;
  int64_t num_layers;
  const char* shortcut;
  int64_t size;
  std::vector<float> logits;  // the first five of the second picture
};
std::string name_of(const Case& row) { return cat(row.network, row.num_layers, row.shortcut); }
void PrintTo(const Case& row, std::ostream* out) { *out << name_of(row); }

/// Numbers between -0.5 and 0.5 that follow from the position of the tensor and of the element, as in network.py.
std::vector<float> formula_values(int64_t count, uint64_t position) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t x = (i * 2654435761u + position * 97 + 1) & 0xffffffff;
    x = (x ^ x >> 15) * 739982445 & 0xffffffff;
    x = (x ^ x >> 12) * 695872825 & 0xffffffff;
    values[i] = static_cast<float>(static_cast<double>(x ^ x >> 15) / 4294967296.0 - 0.5);
  }
  return values;
}

model::Arrays formula_weights(const model::Facts& facts) {
  model::Arrays arrays;
  for (const model::Parameter& parameter : facts.parameters) {
    const auto count = static_cast<float>(model::count(parameter.shape));
    std::vector<float> values = formula_values(model::count(parameter.shape), arrays.size());
    const float fan_in = count / static_cast<float>(parameter.shape[0]);
    for (float& value : values) {
      if (parameter.shape.size() > 1)
        value *= std::sqrt(24.0f / fan_in);
      else if (parameter.name.ends_with("_moving_var"))
        value += 1;
      else if (parameter.name.ends_with("_gamma"))
        value = 1 + 0.5f * value;
    }
    arrays.push_back(
        model::float_array((parameter.auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, values.data()));
  }
  return arrays;
}

class TorchLogits : public testing::TestWithParam<Case> {};

/// What torch gave once, for machines without it.
TEST_P(TorchLogits, AreThoseThatWereWrittenDown) {
  const Case& row = GetParam();
  Network network(model::make_network(row.network, {.num_layers = row.num_layers,
                                                    .classes = 10,
                                                    .height = row.size,
                                                    .width = row.size,
                                                    .shortcut = row.shortcut}),
                  {2, 3, row.size, row.size}, 1);
  ASSERT_TRUE(network.load(formula_weights(network.facts())).empty());
  std::vector<float> pixels = formula_values(2 * 3 * row.size * row.size, 1000);
  for (float& pixel : pixels) pixel *= 4;
  const at::Tensor logits =
      network.forward(at::from_blob(pixels.data(), {2, 3, row.size, row.size}, at::kFloat), Mode::kEvaluate);
  const at::Tensor expected = at::from_blob(const_cast<float*>(row.logits.data()), {5}, at::kFloat);
  EXPECT_LE(test::relative_error(logits.select(0, 1).narrow(0, 0, 5), expected), 1e-5) << logits;
}

TEST_P(TorchLogits, AreThoseOfTorchAndBackAgainSlow) {
  if (test::torch_python().empty()) GTEST_SKIP() << test::kNoTorch;
  const Case& row = GetParam();
  const test::TempFolder folder;
  const std::string arguments =
      cat(row.network, " ", row.num_layers, " ", row.shortcut, " ", row.size, " ", (folder / "").string());
  const test::Outcome outcome = test::run_torch("network.py", "write " + arguments);
  if (outcome.status == 3) GTEST_SKIP() << test::kNoTorch;
  ASSERT_EQ(outcome.status, 0) << outcome.output;

  const model::Arrays outputs = model::read_safetensors(folder / "outputs.safetensors").arrays;
  const at::Tensor images = to_tensor(*model::find_array(outputs, "images")),
                   expected = to_tensor(*model::find_array(outputs, "logits"));
  for (const auto& [name, tolerance] : {std::pair{"weights.pth", 1e-5}, {"legacy.pth", 1e-5}, {"wrapped.pth", 2e-2}}) {
    const model::Artefact artefact = model::read_artefact(folder / name);
    EXPECT_EQ(artefact.card.network, row.network);
    EXPECT_EQ(artefact.card.num_layers, row.num_layers);
    Network network = network_of(artefact, row.size);
    EXPECT_LE(test::relative_error(network.forward(images, Mode::kEvaluate), expected), tolerance) << name;
  }

  model::write_safetensors(folder / "ours.safetensors",
                           model::to_torch_names(model::read_artefact(folder / "weights.pth")));
  const test::Outcome loaded = test::run_torch("network.py", "load " + arguments);
  ASSERT_EQ(loaded.status, 0) << loaded.output;
  const model::Arrays again = model::read_safetensors(folder / "theirs.safetensors").arrays;
  EXPECT_EQ(model::find_array(again, "logits")->data, model::find_array(outputs, "logits")->data);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, TorchLogits,
    testing::Values(Case{"resnet_v1", 18, "projection", 64, {39.3288f, 40.0142f, 5.51466f, -0.897636f, 14.0334f}},
                    Case{"resnet_v1", 50, "projection", 64, {-796.446f, 4742.86f, 3144.29f, 3348.13f, 5244.62f}},
                    Case{"resnet_v1", 20, "projection", 32, {-179.02f, 89.9202f, -55.8277f, 193.631f, 76.3452f}},
                    Case{"resnet_v1", 20, "pad", 32, {65.413f, -66.5017f, -10.8362f, 58.0059f, -160.476f}},
                    Case{"mobilenet_v2", 0, "projection", 64, {-0.0849852f, 7.40035f, 0.956043f, 2.09721f, 1.38234f}}),
    [](const auto& row) { return name_of(row.param); });

/// Picture element i in C, H, W order is (i * 7919) mod 256, then the card's mean and deviation.
at::Tensor synthetic_picture(const model::Card& card) {
  at::Tensor picture = at::empty({1, card.channels, card.height, card.width}, at::kFloat);
  const int64_t pixels = card.height * card.width;
  for (int64_t i = 0; i < picture.numel(); ++i) {
    const auto channel = static_cast<size_t>(i / pixels);
    picture.data_ptr<float>()[i] =
        static_cast<float>((static_cast<double>(i * 7919 % 256) - card.mean[channel]) / card.std[channel]);
  }
  return picture;
}

struct Published {
  const char* file;
  int64_t num_layers;
  std::vector<float> logits;
};

TEST(PublishedWeights, GiveTheLogitsThatTorchGives) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const std::vector<Published> all = {
      {"resnet20-12fca82f.th", 20, {14.4476f, 4.3758f, 4.6299f, -9.3495f, -8.4512f}},
      {"resnet32-d509ac18.th", 32, {18.6017f, 28.3927f, -7.0775f, -7.7256f, -12.5866f}},
      {"resnet44-014dd654.th", 44, {26.9452f, 37.8942f, -12.0028f, 13.6263f, -12.5233f}},
      {"resnet56-4bfd9763.th", 56, {18.2782f, 7.0382f, 3.3175f, 3.0338f, -11.5088f}},
      {"resnet20-optionB.pth", 20, {14.8754f, 19.8780f, 6.1005f, -10.4676f, -4.9433f}}};
  for (const Published& row : all) {
    const model::Artefact artefact = model::read_artefact(test::data_folder() / "H_weights/torch" / row.file);
    EXPECT_EQ(artefact.card.network, "resnet_v1");
    EXPECT_EQ(artefact.card.num_layers, row.num_layers);
    Network network = network_of(artefact, 32);
    const at::Tensor logits = network.forward(synthetic_picture(artefact.card), Mode::kEvaluate);
    const at::Tensor expected = at::from_blob(const_cast<float*>(row.logits.data()), {5}, at::kFloat);
    EXPECT_LE(test::relative_error(logits.select(0, 0).narrow(0, 0, 5), expected), 1e-5) << row.file;
  }
}

}  // namespace
}  // namespace lockstep::nn

// Autograd is the oracle: what the operators compute without it must be what it would have computed.
#include <set>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "operators.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using Tensors = std::vector<at::Tensor>;

/// An operator, what it reads, and the same in torch's differentiable functions.
struct Claim {
  const char* name;
  const char* op;
  model::Attributes attributes;
  std::vector<model::Shape> inputs, parameters;
  at::Tensor (*reference)(const Tensors& inputs, const Tensors& parameters, Tensors& statistics);
  int channels_of_statistics = 0;
  Mode mode = Mode::kTrain;
  std::vector<bool> fixed = {};  ///< of the parameters
  bool is_first = false;         ///< nothing below is trained: no gradient of its inputs
};

at::Tensor batch_norm(const Tensors& x, const Tensors& p, Tensors& s) {
  return torch::batch_norm(x[0], p[0], p[1], s[0], s[1], true, 0.1, 2e-5, false);
}
at::Tensor frozen_batch_norm(const Tensors& x, const Tensors& p, Tensors& s) {
  return torch::batch_norm(x[0], p[0], p[1], s[0], s[1], false, 0.1, 2e-5, false);
}
at::Tensor batch_norm_relu(const Tensors& x, const Tensors& p, Tensors& s) { return torch::relu(batch_norm(x, p, s)); }
at::Tensor add(const Tensors& x, const Tensors&, Tensors&) { return x[0] + x[1]; }
at::Tensor same(const Tensors& x, const Tensors&, Tensors&) { return x[0] * 1; }
/// Keys of two samples. What is drawn follows from them, so a second forward pass tells which elements stay; no input
/// is 0.
at::Tensor keys_of_samples() { return torch::tensor(std::vector<int64_t>{12345, 3000000000}, at::kLong); }
at::Tensor half_dropped(const Tensors& x, const Tensors&, Tensors&) {
  const model::Node node{.op = "Dropout", .name = "Dropout", .attributes = {{"p", "0.5"}}};
  NodeRun run{.node = &node, .mode = Mode::kTrain, .inputs = {x[0].detach()}, .sample_keys = keys_of_samples()};
  return x[0] * (kernel_of(node).forward(run) / x[0].detach());
}

/// Local response normalisation by its formula, in float32 at least.
at::Tensor normalised_over_channels(const Tensors& x, const Tensors&, Tensors&) {
  const at::Tensor wide = x[0].scalar_type() == at::kDouble ? x[0] : x[0].to(at::kFloat);
  return torch::nn::functional::local_response_norm(
             wide, torch::nn::functional::LocalResponseNormFuncOptions(3).alpha(0.5).beta(0.75).k(1.5))
      .to(x[0].scalar_type());
}

const model::Attributes kNormal{{"eps", "2e-05"}, {"momentum", "0.9"}, {"fix_gamma", "False"}};

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all = {
      {"Convolution3x3",
       "Convolution",
       {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"num_filter", "6"}, {"no_bias", "True"}},
       {{2, 4, 7, 6}},
       {{6, 4, 3, 3}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::conv2d(x[0], p[0], {}, 1, 1); }},
      {"ConvolutionStrided1x1",
       "Convolution",
       {{"kernel", "(1, 1)"}, {"stride", "(2, 2)"}, {"num_filter", "6"}, {"no_bias", "True"}},
       {{2, 4, 7, 6}},
       {{6, 4, 1, 1}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::conv2d(x[0], p[0], {}, 2); }},
      {"ConvolutionDilatedInGroupsWithBias",
       "Convolution",
       {{"kernel", "(3, 3)"}, {"dilate", "(2, 2)"}, {"pad", "(2, 2)"}, {"num_filter", "6"}, {"num_group", "2"}},
       {{2, 4, 9, 8}},
       {{6, 2, 3, 3}, {6}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::conv2d(x[0], p[0], p[1], 1, 2, 2, 2); }},
      {"ConvolutionOfEachChannelByItself",
       "Convolution",
       {{"kernel", "(3, 3)"},
        {"pad", "(1, 1)"},
        {"stride", "(2, 2)"},
        {"num_filter", "6"},
        {"num_group", "6"},
        {"no_bias", "True"}},
       {{2, 6, 9, 8}},
       {{6, 1, 3, 3}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::conv2d(x[0], p[0], {}, 2, 1, 1, 6); }},
      {"BatchNorm", "BatchNorm", kNormal, {{4, 5, 6, 3}}, {{5}, {5}}, batch_norm, 5},
      {"BatchNormFrozen", "BatchNorm", kNormal, {{4, 5, 6, 3}}, {{5}, {5}}, frozen_batch_norm, 5, Mode::kFrozen},
      {"BatchNormFixedGamma",
       "BatchNorm",
       kNormal,
       {{4, 5, 6, 3}},
       {{5}, {5}},
       batch_norm,
       5,
       Mode::kTrain,
       {true, false}},
      {"BatchNormOfManyRows", "BatchNorm", kNormal, {{16, 3, 48, 50}}, {{3}, {3}}, batch_norm, 3},
      {"BatchNormRelu", "BatchNorm+relu", kNormal, {{4, 5, 6, 3}}, {{5}, {5}}, batch_norm_relu, 5},
      {"BatchNormReluOfManyRows", "BatchNorm+relu", kNormal, {{7, 100, 9, 11}}, {{100}, {100}}, batch_norm_relu, 100},
      {"BatchNormReluFixedGamma",
       "BatchNorm+relu",
       kNormal,
       {{4, 5, 6, 3}},
       {{5}, {5}},
       batch_norm_relu,
       5,
       Mode::kTrain,
       {true, false}},
      {"BatchNormReluFrozen",
       "BatchNorm+relu",
       kNormal,
       {{4, 5, 6, 3}},
       {{5}, {5}},
       [](const Tensors& x, const Tensors& p, Tensors& s) { return torch::relu(frozen_batch_norm(x, p, s)); },
       5,
       Mode::kFrozen},
      {"BatchNormAddRelu",
       "BatchNorm+add+relu",
       kNormal,
       {{4, 5, 6, 3}, {4, 5, 6, 3}},
       {{5}, {5}},
       [](const Tensors& x, const Tensors& p, Tensors& s) { return torch::relu(batch_norm(x, p, s) + x[1]); },
       5},
      {"BatchNormConvolution",
       "BatchNorm+Convolution",
       {{"eps", "2e-05"},
        {"momentum", "0.9"},
        {"kernel", "(7, 7)"},
        {"stride", "(2, 2)"},
        {"pad", "(3, 3)"},
        {"num_filter", "6"},
        {"no_bias", "True"}},
       {{4, 3, 13, 10}},
       {{3}, {3}, {6, 3, 7, 7}},
       [](const Tensors& x, const Tensors& p, Tensors& s) {
         return torch::conv2d(batch_norm(x, p, s), p[2], {}, 2, 3);
       },
       3,
       Mode::kTrain,
       {true, false, false},
       true},
      {"BatchNormConvolutionFrozen",
       "BatchNorm+Convolution",
       {{"eps", "2e-05"},
        {"kernel", "(3, 2)"},
        {"stride", "(1, 3)"},
        {"dilate", "(2, 1)"},
        {"pad", "(0, 1)"},
        {"num_filter", "6"}},
       {{4, 3, 9, 11}},
       {{3}, {3}, {6, 3, 3, 2}, {6}},
       [](const Tensors& x, const Tensors& p, Tensors& s) {
         return torch::conv2d(frozen_batch_norm(x, p, s), p[2], p[3], at::IntArrayRef({1, 3}), at::IntArrayRef({0, 1}),
                              at::IntArrayRef({2, 1}));
       },
       3,
       Mode::kFrozen,
       {true, false, false, false},
       true},
      {"Relu",
       "Activation",
       {{"act_type", "relu"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::relu(x[0]); }},
      {"ReluByName",
       "relu",
       {},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::relu(x[0]); }},
      {"Sigmoid",
       "sigmoid",
       {},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::sigmoid(x[0]); }},
      {"SigmoidOfOlderFiles",
       "Activation",
       {{"act_type", "sigmoid"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::sigmoid(x[0]); }},
      {"Tanh",
       "tanh",
       {},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::tanh(x[0]); }},
      {"Softrelu",
       "Activation",
       {{"act_type", "softrelu"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::softplus(x[0]); }},
      {"LeakyRelu",
       "LeakyReLU",
       {{"act_type", "leaky"}, {"slope", "0.1"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::leaky_relu(x[0], 0.1); }},
      {"LeakyReluWithLearntSlopes",
       "LeakyReLU",
       {{"act_type", "prelu"}},
       {{2, 4, 5, 6}},
       {{4}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::prelu(x[0], p[0]); }},
      {"Clip",
       "clip",
       {{"a_max", "0.5"}, {"a_min", "0"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::hardtanh(x[0], 0, 0.5); }},
      {"Pad",
       "Pad",
       {{"mode", "constant"}, {"pad_width", "(0, 0, 0, 0, 3, 0, 1, 4)"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::constant_pad_nd(x[0], {1, 4, 3, 0}); }},
      {"Transpose",
       "transpose",
       {{"axes", "(0, 2, 3, 1)"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].permute({0, 2, 3, 1}); }},
      {"PickingEverySecondPixel",
       "Pooling",
       {{"kernel", "(1, 1)"}, {"stride", "(2, 2)"}, {"pool_type", "max"}},
       {{2, 4, 7, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].slice(2, 0, 7, 2).slice(3, 0, 6, 2).clone(); }},
      {"MaxPooling",
       "Pooling",
       {{"kernel", "(3, 3)"}, {"stride", "(2, 2)"}, {"pad", "(1, 1)"}, {"pool_type", "max"}},
       {{2, 4, 8, 7}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::max_pool2d(x[0], 3, 2, 1); }},
      {"MaxPoolingFull",
       "Pooling",
       {{"kernel", "(3, 3)"}, {"stride", "(2, 2)"}, {"pooling_convention", "full"}},
       {{2, 4, 8, 8}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::max_pool2d(x[0], 3, 2, 0, 1, true); }},
      {"AveragePooling",
       "Pooling",
       {{"kernel", "(2, 2)"}, {"stride", "(2, 2)"}, {"pad", "(1, 1)"}, {"pool_type", "avg"}},
       {{2, 4, 8, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::avg_pool2d(x[0], 2, 2, 1); }},
      {"GlobalPooling",
       "Pooling",
       {{"kernel", "(7, 7)"}, {"global_pool", "True"}, {"pool_type", "avg"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].mean({2, 3}, true); }},
      {"FullyConnected",
       "FullyConnected",
       {{"num_hidden", "3"}},
       {{4, 5}},
       {{3, 5}, {3}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::linear(x[0], p[0], p[1]); }},
      {"FullyConnectedOfAPicture",
       "FullyConnected",
       {{"num_hidden", "3"}, {"no_bias", "True"}},
       {{4, 5, 2, 3}},
       {{3, 30}},
       [](const Tensors& x, const Tensors& p, Tensors&) { return torch::linear(x[0].flatten(1), p[0]); }},
      {"Flatten",
       "Flatten",
       {},
       {{4, 5, 2, 3}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].flatten(1); }},
      {"Add", "elemwise_add", {}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"AddOfOlderFiles", "_Plus", {}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"AddOfOldestFiles", "_plus", {}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"AddByAnotherName", "_add", {}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"AddOfEqualShapes", "broadcast_add", {}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"SumOfThree",
       "ElementWiseSum",
       {{"num_args", "3"}},
       {{2, 4, 5, 6}, {2, 4, 5, 6}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] + x[1] + x[2]; }},
      {"SumOfTwo", "add_n", {{"num_args", "2"}}, {{2, 4, 5, 6}, {2, 4, 5, 6}}, {}, add},
      {"PlusScalar",
       "_plus_scalar",
       {{"scalar", "2.5"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] + 2.5; }},
      {"MinusScalar",
       "_minus_scalar",
       {{"scalar", "2.5"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] - 2.5; }},
      {"ScalarMinus",
       "_rminus_scalar",
       {{"scalar", "2.5"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return 2.5 - x[0]; }},
      {"TimesScalar",
       "_mul_scalar",
       {{"scalar", "0.0078125"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * 0.0078125; }},
      {"DividedByScalar",
       "_div_scalar",
       {{"scalar", "3"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] / 3; }},
      {"SwappedAxes",
       "SwapAxis",
       {{"dim1", "1"}, {"dim2", "3"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].transpose(1, 3); }},
      {"SwappedAxesByAnotherName",
       "swapaxes",
       {{"dim1", "2"}, {"dim2", "-1"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].transpose(2, 3); }},
      {"ReshapeToRows",
       "Reshape",
       {{"shape", "(0, -1)"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].flatten(1); }},
      {"ReshapeOfSamplesKept",
       "reshape",
       {{"shape", "(-1, 2, 10, 6)"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].reshape({-1, 2, 10, 6}); }},
      {"ExpandedTwice",
       "expand_dims",
       {{"axis", "2"}},
       {{2, 4, 1}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].unsqueeze(2); }},
      {"Squeezed",
       "squeeze",
       {{"axis", "(2, 3)"}},
       {{2, 4, 1, 1}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].flatten(1); }},
      {"ConcatOfThree",
       "Concat",
       {{"num_args", "3"}},
       {{2, 4, 5, 6}, {2, 1, 5, 6}, {2, 3, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::cat({x[0], x[1], x[2]}, 1); }},
      {"ConcatAlongTheWidth",
       "concat",
       {{"num_args", "2"}, {"dim", "3"}},
       {{2, 4, 5, 6}, {2, 4, 5, 2}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::cat({x[0], x[1]}, 3); }},
      {"ConcatOfPixels",
       "Concat",
       {{"num_args", "2"}},
       {{2, 4, 1, 1}, {2, 3, 1, 1}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::cat({x[0], x[1]}, 1); }},
      {"SliceOfChannels",
       "slice_axis",
       {{"axis", "1"}, {"begin", "1"}, {"end", "-1"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].slice(1, 1, 3); }},
      {"SliceToTheEnd",
       "slice_axis",
       {{"axis", "1"}, {"begin", "2"}, {"end", "None"}},
       {{2, 5}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].slice(1, 2, 5); }},
      {"LocalResponseNorm",
       "LRN",
       {{"alpha", "0.5"}, {"beta", "0.75"}, {"knorm", "1.5"}, {"nsize", "3"}},
       {{2, 6, 5, 4}},
       {},
       normalised_over_channels},
      {"LocalResponseNormOverMoreThanThereIs",
       "LRN",
       {{"alpha", "0.5"}, {"beta", "0.75"}, {"knorm", "1.5"}, {"nsize", "3"}},
       {{2, 1, 5, 4}},
       {},
       normalised_over_channels},
      {"AdaptivePooling",
       "_contrib_AdaptiveAvgPooling2D",
       {{"output_size", "(2, 3)"}},
       {{2, 4, 7, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::adaptive_avg_pool2d(x[0], {2, 3}); }},
      {"AdaptivePoolingToOne",
       "_contrib_AdaptiveAvgPooling2D",
       {{"output_size", "1"}},
       {{2, 4, 7, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].mean({2, 3}, true); }},
      {"Mean",
       "mean",
       {{"axis", "(2, 3)"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].mean({2, 3}); }},
      {"MeanThatKeepsItsAxes",
       "mean",
       {{"axis", "(-2, -1)"}, {"keepdims", "True"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].mean({2, 3}, true); }},
      {"HardSigmoid",
       "hard_sigmoid",
       {{"alpha", "0.5"}, {"beta", "0.5"}},
       {{2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::hardtanh(x[0] * 0.5 + 0.5, 0, 1); }},
      {"FlattenByAnotherName",
       "flatten",
       {},
       {{4, 5, 2, 3}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0].flatten(1); }},
      {"Multiply",
       "elemwise_mul",
       {},
       {{2, 4, 5, 6}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"MultiplyOfOlderFiles",
       "_Mul",
       {},
       {{2, 4, 5, 6}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"MultiplyOfOldestFiles",
       "_mul",
       {},
       {{2, 4, 5, 6}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"MultiplyOfEqualShapes",
       "broadcast_mul",
       {},
       {{2, 4, 5, 6}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"ScaleOfEachChannel",
       "broadcast_mul",
       {},
       {{2, 4, 5, 6}, {2, 4, 1, 1}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"ScaleThatComesFirst",
       "broadcast_mul",
       {},
       {{2, 4, 1, 1}, {2, 4, 5, 6}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return x[0] * x[1]; }},
      {"Identity", "_copy", {}, {{2, 4, 5, 6}}, {}, same},
      {"IdentityByName", "identity", {}, {{2, 4, 5, 6}}, {}, same},
      {"Cast", "Cast", {{"dtype", "float16"}}, {{2, 4, 5, 6}}, {}, same},
      {"CastOfNewerFiles", "cast", {{"dtype", "float32"}}, {{2, 4, 5, 6}}, {}, same},
      {"CastOfMixedPrecision", "amp_cast", {{"dtype", "float16"}}, {{2, 4, 5, 6}}, {}, same},
      {"Dropout", "Dropout", {{"p", "0.5"}}, {{2, 4, 5, 6}}, {}, half_dropped},
      {"DropoutOfNothing", "Dropout", {{"p", "0"}}, {{2, 4, 5, 6}}, {}, same},
      {"Softmax",
       "softmax",
       {},
       {{4, 7}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::softmax(x[0], 1); }},
      {"SoftmaxOfOlderFiles",
       "SoftmaxActivation",
       {},
       {{4, 7}},
       {},
       [](const Tensors& x, const Tensors&, Tensors&) { return torch::softmax(x[0], 1); }},
  };
  return all;
}

struct Setting {
  Claim claim;
  at::ScalarType type;
  at::MemoryFormat format;
};

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const Claim& claim : claims())
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16})
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast})
        all.push_back({claim, type, format});
  return all;
}

class OperatorEqualsAutograd : public testing::TestWithParam<Setting> {
 protected:
  at::Tensor make(const model::Shape& shape) {
    const at::Tensor values = test::random_tensor(shape, ++drawn_).to(GetParam().type);
    return shape.size() == 4 ? values.contiguous(GetParam().format) : values;
  }
  /// BatchNorm sums in an order of its own: both are compared with what is exact.
  static Tensors leaves(const Tensors& tensors) {
    Tensors all;
    for (const at::Tensor& tensor : tensors)
      all.push_back(
          (GetParam().claim.channels_of_statistics ? tensor.to(at::kDouble) : tensor).clone().set_requires_grad(true));
    return all;
  }
  /// Parameters and statistics stay float32 where the rest has 16 bits.
  static at::ScalarType parameter_type() { return GetParam().type == at::kBFloat16 ? at::kFloat : GetParam().type; }
  void expect_equal(const at::Tensor& ours, const at::Tensor& theirs, at::ScalarType type,
                    const std::string& what) const {
    ASSERT_TRUE(ours.defined()) << what;
    ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
    EXPECT_EQ(ours.scalar_type(), type) << what;
    const double bound = GetParam().type == at::kBFloat16 ? 4e-3 : GetParam().type == at::kFloat ? 1e-6 : 1e-14;
    EXPECT_LE(test::relative_error(ours, theirs), bound) << what;
  }

 private:
  uint64_t drawn_ = 0;
};

TEST_P(OperatorEqualsAutograd, ForwardAndBackward) {
  const Claim& claim = GetParam().claim;
  Tensors inputs, parameters, statistics;
  for (const auto& shape : claim.inputs) inputs.push_back(make(shape));
  for (const auto& shape : claim.parameters) parameters.push_back(make(shape).to(parameter_type()));
  if (claim.channels_of_statistics)
    statistics = {make({claim.channels_of_statistics}).to(parameter_type()),
                  make({claim.channels_of_statistics}).abs().to(parameter_type())};
  for (size_t i = 0; i < claim.fixed.size(); ++i)
    if (claim.fixed[i]) parameters[i].fill_(1);

  Tensors working;
  for (const at::Tensor& parameter : parameters) working.push_back(parameter.to(GetParam().type));
  Tensors x = leaves(inputs), p = leaves(claim.channels_of_statistics ? parameters : working), s;
  for (const at::Tensor& statistic : statistics) s.push_back(statistic.to(at::kDouble).clone());
  const at::Tensor expected = claim.reference(x, p, s);
  const at::Tensor gradient = make(expected.sizes().vec());
  Tensors all = x;
  all.insert(all.end(), p.begin(), p.end());
  const Tensors expected_gradients = torch::autograd::grad({expected}, all, {gradient.to(expected.scalar_type())});

  const model::Node node{.op = claim.op, .name = claim.name, .attributes = claim.attributes};
  NodeRun run{.node = &node,
              .mode = claim.mode,
              .inputs = inputs,
              .parameters = parameters,
              .working = working,
              .statistics = statistics,
              .sample_keys = keys_of_samples()};
  run.trainable.assign(parameters.size(), true);
  run.wants_gradient.assign(inputs.size(), !claim.is_first);
  for (size_t i = 0; i < claim.fixed.size(); ++i) run.trainable[i] = !claim.fixed[i];
  for (const at::Tensor& parameter : parameters) run.parameter_gradients.push_back(at::full_like(parameter, 3));

  const at::NoGradGuard no_grad;
  const at::AutoDispatchBelowADInplaceOrView below;
  const at::Tensor output = kernel_of(node).forward(run);
  const Tensors gradients = kernel_of(node).backward(run, gradient);
  expect_equal(output, expected, GetParam().type, "output");
  EXPECT_TRUE(output.dim() != 4 || output.is_contiguous(GetParam().format));
  for (size_t i = 0; i < inputs.size() && !claim.is_first; ++i)
    expect_equal(gradients[i], expected_gradients[i], GetParam().type, "gradient of input " + std::to_string(i));
  for (size_t i = 0; i < statistics.size(); ++i)
    expect_equal(statistics[i], s[i], parameter_type(), "statistic " + std::to_string(i));
  run.accumulate = true;
  if (!parameters.empty()) kernel_of(node).backward(run, gradient);
  for (size_t i = 0; i < parameters.size(); ++i)
    expect_equal(run.parameter_gradients[i],
                 run.trainable[i] ? expected_gradients[inputs.size() + i] * 2 : at::full_like(parameters[i], 3),
                 parameter_type(), "twice the gradient of parameter " + std::to_string(i));
}

INSTANTIATE_TEST_SUITE_P(All, OperatorEqualsAutograd, testing::ValuesIn(settings()), [](const auto& row) {
  return std::string(row.param.claim.name) + at::toString(row.param.type) +
         (row.param.format == at::MemoryFormat::Contiguous ? "" : "ChannelsLast");
});

TEST(Operators, AreAllComparedWithAutograd) {
  std::set<std::string> compared{"SoftmaxOutput", "Softmax", "LogisticRegressionOutput"};  // tests/nn/loss_test.cpp
  for (const Claim& claim : claims()) compared.insert(claim.op);
  for (const auto& row : kernels()) EXPECT_TRUE(compared.contains(row.name)) << row.name;
}

}  // namespace
}  // namespace lockstep::nn

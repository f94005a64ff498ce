// Autograd is the oracle: what the executor computes without it must be what it would have computed.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "layout.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using Tensors = std::vector<at::Tensor>;

/// The graph again, with autograd, in float32 and channels_last too.
class Recomputation {
 public:
  Recomputation(const Network& network, bool training) : graph_(network.graph()), training_(training) {
    for (const model::Array& array : network.arrays()) {
      std::vector<float> values = model::to_floats(array);
      const at::Tensor tensor = at::from_blob(values.data(), array.shape, at::kFloat);
      const auto format = array.shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
      variables_[array.name.substr(4)] = tensor.clone(format).set_requires_grad(array.name.starts_with("arg:"));
    }
  }

  at::Tensor logits(const at::Tensor& images) {
    Tensors values;
    const auto end = static_cast<size_t>(model::find_output(graph_).logits);
    for (size_t i = 0; i <= end; ++i) {
      const model::Node& node = graph_.nodes[i];
      Tensors inputs;
      for (const auto& input : node.inputs) inputs.push_back(values[static_cast<size_t>(input.node)]);
      values.push_back(node.name == "data" ? images : node.op == "null" ? variables_[node.name] : run(node, inputs));
    }
    return values[end];
  }
  at::Tensor gradient(const std::string& name) const { return variables_.at(name).grad(); }

 private:
  at::Tensor run(const model::Node& node, const Tensors& in) const {
    if (node.op == "Convolution")
      return torch::conv2d(in[0], in[1], {}, model::tuple_attribute(node, "stride", {1, 1}),
                           model::tuple_attribute(node, "pad", {0, 0}), {1, 1},
                           model::int_attribute(node, "num_group", 1));
    if (node.op == "BatchNorm")
      return torch::batch_norm(in[0], in[1], in[2], in[3].clone(), in[4].clone(), training_, 0.1,
                               model::number_attribute(node, "eps", 1), false);
    if (node.op == "Activation") return torch::relu(in[0]);
    if (node.op == "elemwise_add") return in[0] + in[1];
    if (node.op == "_copy") return in[0];
    if (node.op == "clip") return torch::hardtanh(in[0], 0, 6);
    if (node.op == "transpose") return in[0].permute(model::tuple_attribute(node, "axes", {}));
    if (node.op == "Pad") {
      const std::vector<int64_t> widths = model::tuple_attribute(node, "pad_width", {});
      return torch::constant_pad_nd(in[0], {0, 0, widths[4], widths[5]});
    }
    if (node.op == "Flatten") return in[0].flatten(1);
    if (node.op == "FullyConnected") return torch::linear(in[0], in[1], in[2]);
    if (model::bool_attribute(node, "global_pool", false))
      return torch::avg_pool2d(in[0], {in[0].size(2), in[0].size(3)});
    if (model::tuple_attribute(node, "kernel", {})[0] == 1)
      return in[0].slice(2, 0, in[0].size(2), 2).slice(3, 0, in[0].size(3), 2);
    return torch::max_pool2d(in[0], 3, 2, 1);
  }

  model::Graph graph_;
  std::map<std::string, at::Tensor> variables_;
  bool training_;
};

void expect_network_equals_autograd(Network& network, int64_t size, Mode mode) {
  const at::Tensor images = test::random_images(4, size), labels = test::counting_labels(4, 10);
  test::randomise_batch_norm(network);
  Recomputation recomputation(network, mode == Mode::kTrain);

  const at::Tensor expected = recomputation.logits(images);
  torch::nn::functional::cross_entropy(expected, labels).backward();
  at::Tensor gradient;
  const at::Tensor logits = network.forward(images, mode);
  softmax_loss(logits, labels, {.nominal = 4}, gradient);
  network.backward(gradient);

  const bool frozen = mode == Mode::kFrozen;
  EXPECT_LE(test::relative_error(logits, expected.detach()), frozen ? 1e-5 : 1e-4);
  double error = 0, length = 0;
  for (const Segment& segment : network.segments()) {
    if (segment.fixed) continue;
    const at::Tensor ours = view(network.gradients(), segment), theirs = recomputation.gradient(segment.name);
    // bn0_gamma is a difference of large numbers: the BatchNorms behind it undo nearly all that it does.
    if (frozen) {
      EXPECT_LE(test::relative_error(ours, theirs), segment.name == "bn0_gamma" ? 1e-2 : 1e-4) << segment.name;
    }
    error += ours.sub(theirs).pow(2).sum().item<double>();
    length += theirs.pow(2).sum().item<double>();
  }
  // With the batch's statistics another rounding flips a relu here and there, and a deep network answers to that: so
  // far from the exact gradient autograd in float32 is as well.
  EXPECT_LE(std::sqrt(error / length), frozen ? 1e-5 : 3e-2);
}

void expect_network_equals_autograd(int64_t depth, int64_t size) {
  for (const Mode mode : {Mode::kTrain, Mode::kFrozen}) {
    Network network = test::make_resnet(depth, size);
    expect_network_equals_autograd(network, size, mode);
  }
}

void expect_network_equals_autograd(const std::string& name, int64_t depth, int64_t size,
                                    const std::string& shortcut = "projection") {
  for (const Mode mode : {Mode::kTrain, Mode::kFrozen}) {
    Network network(
        model::make_network(name,
                            {.num_layers = depth, .classes = 10, .height = size, .width = size, .shortcut = shortcut}),
        {4, 3, size, size}, 1);
    expect_network_equals_autograd(network, size, mode);
  }
}

TEST(NetworkEqualsAutograd, TheFormForSmallPictures) { expect_network_equals_autograd(20, 8); }
TEST(NetworkEqualsAutograd, TheFormForSmallPicturesAt32) { expect_network_equals_autograd(20, 32); }
TEST(NetworkEqualsAutograd, FourStagesWithTheSmallStem) { expect_network_equals_autograd(18, 32); }
TEST(NetworkEqualsAutograd, FourStagesWithTheLargeStem) { expect_network_equals_autograd(18, 64); }
TEST(NetworkEqualsAutograd, Bottlenecks) { expect_network_equals_autograd(50, 33); }
TEST(NetworkEqualsAutograd, ResNetV1) { expect_network_equals_autograd("resnet_v1", 18, 33); }
TEST(NetworkEqualsAutograd, ResNetV1OfBottlenecksSlow) { expect_network_equals_autograd("resnet_v1", 50, 40); }
TEST(NetworkEqualsAutograd, ResNetV1WithPaddedShortcuts) { expect_network_equals_autograd("resnet_v1", 20, 32, "pad"); }
TEST(NetworkEqualsAutograd, MobileNetV2) { expect_network_equals_autograd("mobilenet_v2", 0, 64); }

}  // namespace
}  // namespace lockstep::nn

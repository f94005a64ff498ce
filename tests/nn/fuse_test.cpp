#include "fuse.h"

#include <map>
#include <set>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "operators.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

using model::Node;

/// Draws a graph by name: input names first, parameters as they are named.
class Drawing {
 public:
  Drawing() { graph_.nodes.push_back({.op = "null", .name = "data"}); }
  void add(const std::string& op, const std::string& name, const std::vector<std::string>& inputs,
           const model::Attributes& attributes = {}) {
    Node node{.op = op, .name = name, .attributes = attributes};
    for (const std::string& input : inputs) {
      if (graph_.find(input) < 0) graph_.nodes.push_back({.op = "null", .name = input});
      node.inputs.push_back({.node = graph_.find(input)});
    }
    graph_.nodes.push_back(node);
  }
  void convolution(const std::string& name, const std::string& input) {
    add("Convolution", name, {input, name + "_weight"},
        {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"num_filter", "8"}, {"no_bias", "True"}});
  }
  void norm(const std::string& name, const std::string& input, const std::string& fix_gamma = "False") {
    add("BatchNorm", name, {input, name + "_gamma", name + "_beta", name + "_moving_mean", name + "_moving_var"},
        {{"fix_gamma", fix_gamma}, {"eps", "2e-05"}});
  }
  void relu(const std::string& name, const std::string& input) {
    add("Activation", name, {input}, {{"act_type", "relu"}});
  }
  model::Graph classify(const std::string& input) {
    add("Pooling", "pool", {input}, {{"kernel", "(2, 2)"}, {"pool_type", "avg"}, {"global_pool", "True"}});
    add("Flatten", "flat", {"pool"});
    add("FullyConnected", "fc", {"flat", "fc_weight", "fc_bias"}, {{"num_hidden", "10"}});
    add("SoftmaxOutput", "softmax", {"fc", "softmax_label"});
    graph_.heads = {{.node = graph_.find("softmax")}};
    return graph_;
  }

 private:
  model::Graph graph_;
};

/// A unit that adds before it activates: BatchNorm, sum and relu in a row, with a normalised shortcut drawn between.
model::Graph post_activation() {
  Drawing drawing;
  drawing.convolution("conv0", "data");
  drawing.convolution("conv1", "conv0");
  drawing.norm("bn1", "conv1");
  drawing.convolution("conv2", "conv0");
  drawing.norm("bn2", "conv2");
  drawing.add("elemwise_add", "sum", {"bn1", "bn2"});
  drawing.relu("relu", "sum");
  return drawing.classify("relu");
}

/// The operators that the logits depend on.
std::multiset<std::string> executed(const model::Graph& graph) {
  std::vector<bool> needed(graph.nodes.size());
  needed[static_cast<size_t>(model::find_output(graph).logits)] = true;
  std::multiset<std::string> operators;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const auto& input : graph.nodes[i].inputs) needed[static_cast<size_t>(input.node)] = true;
    if (graph.nodes[i].op != "null") operators.insert(graph.nodes[i].op);
  }
  return operators;
}

TEST(Fuse, JoinsEveryBatchNormOfAResnetWithItsRelu) {
  const auto graph = model::make_network("resnet_v2", {.num_layers = 20, .classes = 10, .height = 32, .width = 32});
  const auto operators = executed(fuse(graph));
  EXPECT_EQ(executed(graph).count("Activation"), 19u);
  EXPECT_EQ(operators.count("Activation"), 0u);
  EXPECT_EQ(operators.count("BatchNorm+relu"), 19u);
  EXPECT_EQ(operators.count("BatchNorm+Convolution"), 1u) << "bn_data and conv0";
  EXPECT_EQ(operators.count("BatchNorm"), 0u);
}

/// Gamma's gradient would need all pixels, and so would what is trained below.
TEST(Fuse, LeavesAFirstBatchNormAloneWhoseGammaIsTrained) {
  Drawing drawing;
  drawing.norm("bn", "data");
  drawing.convolution("conv", "bn");
  const auto operators = executed(fuse(drawing.classify("conv")));
  EXPECT_EQ(operators.count("BatchNorm"), 1u);
  EXPECT_EQ(operators.count("Convolution"), 1u);
}

TEST(Fuse, LeavesAConvolutionBehindALaterBatchNormAlone) {
  Drawing drawing;
  drawing.convolution("conv0", "data");
  drawing.norm("bn", "conv0", "True");
  drawing.convolution("conv1", "bn");
  const auto operators = executed(fuse(drawing.classify("conv1")));
  EXPECT_EQ(operators.count("BatchNorm"), 1u);
  EXPECT_EQ(operators.count("Convolution"), 2u);
}

TEST(Fuse, JoinsBatchNormSumAndRelu) {
  const auto operators = executed(fuse(post_activation()));
  EXPECT_EQ(operators.count("BatchNorm+add+relu"), 1u);
  EXPECT_EQ(operators.count("BatchNorm"), 1u) << "the other side of the sum";
  EXPECT_EQ(operators.count("elemwise_add"), 0u);
}

TEST(Fuse, JoinsEveryReluOfAResnetThatAddsFirst) {
  const auto graph = model::make_network("resnet_v1", {.num_layers = 50, .classes = 10});
  const auto operators = executed(fuse(graph));
  EXPECT_EQ(operators.count("Activation"), 0u);
  EXPECT_EQ(operators.count("elemwise_add"), 0u);
  EXPECT_EQ(operators.count("BatchNorm+relu"), 33u) << "the stem, and two in each of 16 blocks";
  EXPECT_EQ(operators.count("BatchNorm+add+relu"), 16u);
  EXPECT_EQ(operators.count("BatchNorm"), 4u) << "of the shortcuts that are projections";
}

TEST(Fuse, JoinsTheReluOfABlockWithAPaddedShortcutToo) {
  const auto operators =
      executed(fuse(model::make_network("resnet_v1", {.num_layers = 20, .classes = 10, .shortcut = "pad"})));
  EXPECT_EQ(operators.count("BatchNorm+add+relu"), 9u);
  EXPECT_EQ(operators.count("Activation") + operators.count("elemwise_add"), 0u);
}

TEST(Fuse, LeavesABatchNormAloneThatSomebodyElseReads) {
  Drawing drawing;
  drawing.norm("bn", "data");
  drawing.relu("relu", "bn");
  drawing.add("elemwise_add", "sum", {"relu", "bn"});
  const model::Graph graph = drawing.classify("sum");
  EXPECT_EQ(executed(fuse(graph)), executed(graph));
}

/// The kernels one by one, as the graph was drawn.
at::Tensor unfused_logits(Network& network, at::Tensor images, Mode mode) {
  const model::Graph& graph = network.graph();
  std::vector<at::Tensor> values(graph.nodes.size());
  std::map<std::string, at::Tensor> variables{{"data", images}};
  for (const model::Array& array : network.arrays()) {
    std::vector<float> numbers = model::to_floats(array);
    variables[array.name.substr(4)] = at::from_blob(numbers.data(), array.shape, at::kFloat).clone();
  }
  const auto end = static_cast<size_t>(model::find_output(graph).logits);
  for (size_t i = 0; i <= end; ++i) {
    const Node& node = graph.nodes[i];
    if (node.op == "null") {
      values[i] = variables[node.name];
      continue;
    }
    NodeRun run{.node = &node, .mode = mode};
    for (const auto& input : node.inputs) {
      const Node& source = graph.nodes[static_cast<size_t>(input.node)];
      const at::Tensor& value = values[static_cast<size_t>(input.node)];
      if (source.op != "null" || source.name == "data")
        run.inputs.push_back(value);
      else
        (source.name.find("_moving_") == std::string::npos ? run.parameters : run.statistics).push_back(value);
    }
    run.working = run.parameters;
    values[i] = kernel_of(node).forward(run);
  }
  return values[end];
}

TEST(Fuse, ChangesNoLogitsAndStatistics) {
  for (const Mode mode : {Mode::kTrain, Mode::kFrozen, Mode::kEvaluate}) {
    Network network(post_activation(), {4, 3, 16, 16}, 1);
    test::randomise_batch_norm(network);
    const at::Tensor images = test::random_images(4, 16), expected = unfused_logits(network, images, mode);
    EXPECT_LE(test::relative_error(network.forward(images, mode), expected), 1e-5);
  }
}

TEST(Fuse, KeepsTheOrderInWhichGradientsAreFinal) {
  Network network(post_activation(), {4, 3, 16, 16}, 1);
  at::Tensor gradient;
  softmax_loss(network.forward(test::random_images(4, 16), Mode::kTrain), test::counting_labels(4, 10), {.nominal = 4},
               gradient);
  std::vector<std::pair<int64_t, at::Tensor>> slices;
  network.backward(gradient,
                   [&](int64_t end) { slices.emplace_back(end, network.gradients().narrow(0, 0, end).clone()); });
  for (const auto& [end, slice] : slices) EXPECT_TRUE(slice.equal(network.gradients().narrow(0, 0, end))) << end;
}

TEST(BatchNorm, SumsExactlyFarFromZero) {
  // A mean a thousand times the deviation: a sum of squares in float32 would know nothing of the variance.
  const at::Tensor x = test::random_tensor({32, 16, 40, 40}, 1).add_(1000).contiguous(at::MemoryFormat::ChannelsLast);
  const Node node{.op = "BatchNorm", .name = "bn", .attributes = {{"eps", "0"}, {"momentum", "0"}}};
  NodeRun run{.node = &node, .mode = Mode::kTrain, .inputs = {x}};
  run.parameters = {at::zeros({16}).add_(1), at::zeros({16})};
  run.statistics = {at::zeros({16}), at::zeros({16})};
  kernel_of(node).forward(run);
  const at::Tensor exact = x.to(at::kDouble).transpose(0, 1).flatten(1);  // [16, N * H * W]
  EXPECT_LE(test::relative_error(run.statistics[0], exact.mean(1)), 1e-7);
  EXPECT_LE(test::relative_error(run.statistics[1], exact.var(1)), 1e-6);
}

}  // namespace
}  // namespace lockstep::nn

#include "cudnn_batch_norm.h"

#include <ATen/ops/full.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "toy_network.h"

#ifdef LOCKSTEP_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/full_like.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace lockstep::nn {
namespace {

using Operation = BatchNormOperation;
constexpr Operation kOperations[] = {Operation::kNorm, Operation::kNormRelu, Operation::kNormAddRelu};

model::Node make_node(Operation operation, model::Attributes attributes = {{"momentum", "0.9"}, {"eps", "2e-05"}}) {
  const char* op = operation == Operation::kNorm       ? "BatchNorm"
                   : operation == Operation::kNormRelu ? "BatchNorm+relu"
                                                       : "BatchNorm+add+relu";
  return {.op = op, .name = "bn", .attributes = std::move(attributes)};
}

/// A node with inputs, parameters, statistics and gradients of its own.
NodeRun make_run(const model::Node& node, Mode mode, const std::array<int64_t, 4>& sizes, const at::TensorOptions& as) {
  const auto full = [&](uint64_t id) {
    return test::random_tensor({sizes.begin(), sizes.end()}, id).to(as).contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto channels = [&](uint64_t id, double middle) {
    return test::random_tensor({sizes[1]}, id, 0.2).add_(middle).to(as.device());
  };
  return {.node = &node,
          .mode = mode,
          .inputs = {full(1), full(2)},
          .parameters = {channels(3, 1), channels(4, 0)},
          .statistics = {channels(5, 0), channels(6, 1)},
          .parameter_gradients = {channels(7, 0), channels(8, 0)},
          .trainable = {true, true},
          .wants_gradient = {true, true}};
}

const std::array<int64_t, 4> kSizes{4, 16, 9, 7};

TEST(BatchNormOperation, IsKnownByTheNameOfTheNode) {
  for (const Operation operation : kOperations) EXPECT_EQ(batch_norm_operation(make_node(operation)), operation);
  EXPECT_EQ(batch_norm_operation({.op = "Activation", .name = "relu"}), std::nullopt);
}

TEST(NewWeight, IsWhatMxnetsMomentumLeaves) {
  EXPECT_DOUBLE_EQ(new_weight(make_node(Operation::kNorm)), 0.1);
  EXPECT_DOUBLE_EQ(new_weight(make_node(Operation::kNorm, {})), 0.1) << "0.9 where nothing is said";
  // A running mean of 10 and a batch of ones.
  const model::Node node = make_node(Operation::kNorm, {{"momentum", "0.75"}});
  NodeRun run{.node = &node, .mode = Mode::kTrain, .inputs = {at::full({2, 8, 3, 3}, 1.0)}};
  run.parameters = {at::full({8}, 1.0), at::zeros({8})};
  run.statistics = {at::full({8}, 10.0), at::full({8}, 1.0)};
  plain_batch_norm(run, Operation::kNorm);
  EXPECT_FLOAT_EQ(run.statistics[0][3].item<float>(), 0.75F * 10 + 0.25F * 1);
}

TEST(BatchNormStatistics, AreTheBatchsInTrainingAlone) {
  model::Node node = make_node(Operation::kNorm);
  const at::Tensor many = at::zeros({2, 8, 1, 1}), one = at::zeros({1, 8, 1, 1});
  NodeRun run{.node = &node, .mode = Mode::kTrain};
  EXPECT_TRUE(uses_batch(run));
  EXPECT_TRUE(updates_statistics(run, many));
  EXPECT_FALSE(updates_statistics(run, one)) << "one value has no unbiased variance";
  for (const Mode mode : {Mode::kFrozen, Mode::kEvaluate}) {
    run.mode = mode;
    EXPECT_FALSE(uses_batch(run));
    EXPECT_FALSE(updates_statistics(run, many));
  }
  run.mode = Mode::kTrain;
  node.attributes["use_global_stats"] = "True";
  EXPECT_FALSE(uses_batch(run));
}

TEST(CudnnBatchNorm, IsAskedForWholeGroupsOfChannelsInNumbersThatItKnows) {
  const auto why = [](at::ScalarType type, std::array<int64_t, 4> sizes) {
    const char* reason = why_not_cudnn({Operation::kNormRelu, type, sizes});
    return reason ? std::string(reason) : "";
  };
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    EXPECT_EQ(why(type, {256, 64, 112, 112}), "");
    EXPECT_EQ(why(type, {1, 8, 1, 2}), "");
    EXPECT_NE(why(type, {256, 3, 224, 224}), "") << "pictures";
    EXPECT_NE(why(type, {1, 8, 1, 1}), "") << "no variance";
    EXPECT_NE(why(type, {2048, 1024, 32, 32}), "") << "2^31 elements";
    EXPECT_EQ(why(type, {2047, 1024, 32, 32}), "");
  }
  EXPECT_NE(why(at::kDouble, {256, 64, 112, 112}), "");
}

TEST(CudnnBatchNorm, SaysWhatItIsAbout) {
  EXPECT_EQ(name_of({Operation::kNorm, at::kFloat, kSizes}), "BatchNorm in float32");
  EXPECT_EQ(name_of({Operation::kNormRelu, at::kHalf, kSizes}), "BatchNorm+relu in float16");
  EXPECT_EQ(name_of({Operation::kNormAddRelu, at::kBFloat16, kSizes}), "BatchNorm+add+relu in bfloat16");
}

TEST(BatchNormProblem, DiffersWhereOperationTypeOrSizesDo) {
  const at::Tensor x = at::zeros({2, 8, 4, 6});
  const BatchNormProblem problem = problem_of(Operation::kNormRelu, x);
  EXPECT_EQ(problem, (BatchNormProblem{Operation::kNormRelu, at::kFloat, {2, 8, 4, 6}}));
  EXPECT_NE(problem, problem_of(Operation::kNorm, x));
  EXPECT_NE(problem, problem_of(Operation::kNormRelu, x.to(at::kHalf)));
  EXPECT_NE(problem, problem_of(Operation::kNormRelu, at::zeros({2, 8, 6, 4})));
}

// The node's own passes on a CPU are one way to compute the meaning, LibTorch's operators another.
TEST(PlainBatchNorm, IsWhatTheNodesCompute) {
  for (const Operation operation : kOperations)
    for (const Mode mode : {Mode::kTrain, Mode::kFrozen, Mode::kEvaluate}) {
      const model::Node node = make_node(operation);
      NodeRun fused = make_run(node, mode, kSizes, at::kFloat), plain = make_run(node, mode, kSizes, at::kFloat);
      const at::Tensor output = kernel_of(node).forward(fused), expected = plain_batch_norm(plain, operation);
      EXPECT_LE(test::relative_error(output, expected), 1e-5);
      for (const size_t k : {0, 1}) EXPECT_LE(test::relative_error(fused.statistics[k], plain.statistics[k]), 1e-5);
      if (mode == Mode::kEvaluate) continue;
      const at::Tensor gradient = test::random_tensor({4, 16, 9, 7}, 9).contiguous(at::MemoryFormat::ChannelsLast);
      const auto below = kernel_of(node).backward(fused, gradient);
      const auto expected_below = plain_batch_norm_backward(plain, operation, gradient);
      ASSERT_EQ(below.size(), expected_below.size());
      for (size_t i = 0; i < below.size(); ++i) EXPECT_LE(test::relative_error(below[i], expected_below[i]), 1e-4);
      for (const size_t k : {0, 1})
        EXPECT_LE(test::relative_error(fused.parameter_gradients[k], plain.parameter_gradients[k]), 1e-4);
    }
}

TEST(PlainBatchNorm, OverwritesNoGradientThatSomebodyHolds) {
  const model::Node node = make_node(Operation::kNormAddRelu);
  NodeRun run = make_run(node, Mode::kTrain, kSizes, at::kFloat);
  plain_batch_norm(run, Operation::kNormAddRelu);
  const at::Tensor held = at::full({4, 16, 9, 7}, 1.0).contiguous(at::MemoryFormat::ChannelsLast), other = held;
  const at::Tensor passed = plain_batch_norm_backward(run, Operation::kNormAddRelu, held)[1];
  EXPECT_EQ(held.min().item<float>(), 1);
  EXPECT_EQ(passed.min().item<float>(), 0);
  const at::Tensor sole = at::full({4, 16, 9, 7}, 1.0).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor reused = plain_batch_norm_backward(run, Operation::kNormAddRelu, sole)[1];
  EXPECT_EQ(reused.data_ptr(), sole.data_ptr());
  EXPECT_TRUE(reused.equal(passed));
}

#ifndef LOCKSTEP_CUDA

TEST(BatchNormOnAGpu, NeedsOne) { GTEST_SKIP() << "no GPU: this program was built without CUDA"; }

#else

/// |a - b| / |b|: where a sum is 0 but for rounding one side may cut it off and the other not.
double distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor reference = b.to(at::kDouble);
  return a.to(at::kDouble).sub(reference).norm().item<double>() / reference.norm().item<double>();
}

class BatchNormOnAGpu : public testing::TestWithParam<std::tuple<at::ScalarType, Operation>> {
 protected:
  void SetUp() override {
    if (c10::cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  }
  static at::TensorOptions as(at::ScalarType type) { return at::TensorOptions(at::kCUDA).dtype(type); }
};

// Whatever way is taken. The CPU computes in float32 what the GPU does with the same rounded numbers.
TEST_P(BatchNormOnAGpu, DoesAsTheOperatorsOfACpu) {
  const auto [type, operation] = GetParam();
  const model::Node node = make_node(operation);
  for (const std::array<int64_t, 4> sizes :
       {kSizes, {4, 256, 56, 56}, {2, 2048, 7, 7}, {5, 24, 9, 3}, {3, 6, 5, 5}, {16, 8, 1, 1}})
    for (const Mode mode : {Mode::kTrain, Mode::kFrozen, Mode::kEvaluate})
      for (const bool accumulate : {false, true}) {
        NodeRun gpu = make_run(node, mode, sizes, as(type)), cpu = make_run(node, mode, sizes, at::kFloat);
        for (at::Tensor& input : cpu.inputs) input = input.to(type).to(at::kFloat);
        gpu.accumulate = cpu.accumulate = accumulate;
        const at::Tensor output = kernel_of(node).forward(gpu);
        EXPECT_EQ(output.scalar_type(), type);
        EXPECT_TRUE(output.is_contiguous(at::MemoryFormat::ChannelsLast));
        EXPECT_LE(distance(output.cpu(), plain_batch_norm(cpu, operation)), 1e-2);
        for (const size_t k : {0, 1}) EXPECT_LE(distance(gpu.statistics[k].cpu(), cpu.statistics[k]), 1e-3);
        if (mode == Mode::kEvaluate) continue;
        const at::Tensor gradient =
            test::random_tensor({sizes.begin(), sizes.end()}, 9).to(type).contiguous(at::MemoryFormat::ChannelsLast);
        const auto below = kernel_of(node).backward(gpu, gradient.to(at::kCUDA));
        const auto expected = plain_batch_norm_backward(cpu, operation, gradient.to(at::kFloat));
        for (size_t i = 0; i < expected.size(); ++i) {
          EXPECT_TRUE(below[i].is_contiguous(at::MemoryFormat::ChannelsLast));
          EXPECT_LE(distance(below[i].cpu(), expected[i]), 2e-2);
        }
        for (const size_t k : {0, 1})
          EXPECT_LE(distance(gpu.parameter_gradients[k].cpu(), cpu.parameter_gradients[k]), 2e-2);
      }
}

TEST_P(BatchNormOnAGpu, GoesThroughCudnnInTrainingAlone) {
  const auto [type, operation] = GetParam();
  const model::Node node = make_node(operation);
  const auto went = [&](Mode mode, const std::array<int64_t, 4>& sizes, bool plain) {
    NodeRun run = make_run(node, mode, sizes, as(type));
    run.plain = plain;
    kernel_of(node).forward(run);
    return was_cudnn_batch_norm(run);
  };
  EXPECT_TRUE(went(Mode::kTrain, kSizes, false)) << "the warning above says why not";
  EXPECT_FALSE(went(Mode::kTrain, kSizes, true)) << "plain";
  EXPECT_FALSE(went(Mode::kFrozen, kSizes, false));
  EXPECT_FALSE(went(Mode::kEvaluate, kSizes, false));
  EXPECT_FALSE(went(Mode::kTrain, {4, 3, 9, 7}, false)) << "3 channels";
}

TEST_P(BatchNormOnAGpu, ComputesTheSameWhenItWasPrepared) {
  const auto [type, operation] = GetParam();
  const model::Node node = make_node(operation);
  const std::array<int64_t, 4> sizes{6, 40, 11, 5};  // of no other test
  const at::Device gpu(at::kCUDA, 0);
  prepare_cudnn_batch_norms({{operation, type, sizes}, {operation, type, sizes}, {operation, type, {6, 3, 11, 5}}},
                            gpu);
  NodeRun prepared = make_run(node, Mode::kTrain, sizes, as(type)),
          plain = make_run(node, Mode::kTrain, sizes, as(type));
  EXPECT_LE(distance(kernel_of(node).forward(prepared), plain_batch_norm(plain, operation)), 1e-2);
}

TEST_P(BatchNormOnAGpu, CanBePartOfACudaGraph) {
  const auto [type, operation] = GetParam();
  const model::Node node = make_node(operation);
  NodeRun run = make_run(node, Mode::kTrain, kSizes, as(type)), again = make_run(node, Mode::kTrain, kSizes, as(type));
  const at::Tensor gradient = run.inputs[1].clone();
  at::Tensor output, below;
  const auto step = [&](NodeRun& which) {
    output = kernel_of(node).forward(which);
    below = kernel_of(node).backward(which, gradient)[0];
  };
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  const c10::cuda::CUDAStreamGuard guard(stream);
  step(again);  // builds and checks
  const at::Tensor expected = output.clone(), expected_below = below.clone();
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  step(run);
  graph.capture_end();
  graph.replay();
  stream.synchronize();
  EXPECT_TRUE(output.equal(expected));
  EXPECT_TRUE(below.equal(expected_below));
  EXPECT_TRUE(run.statistics[1].equal(again.statistics[1]));
  EXPECT_TRUE(run.parameter_gradients[0].equal(again.parameter_gradients[0]));
}

INSTANTIATE_TEST_SUITE_P(All, BatchNormOnAGpu,
                         testing::Combine(testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                                          testing::ValuesIn(kOperations)));

TEST(NodeTimerOnAGpu, TellsOfEachNodeOnceAPass) {
  if (c10::cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  Network network(model::make_network("resnet_v2", {.num_layers = 20, .classes = 10, .height = 32, .width = 32}),
                  {1, 3, 32, 32}, 1, {.precision = Precision::kBfloat16, .gpu = 0});
  std::map<std::pair<std::string, bool>, int> told;
  double total = 0;
  network.time_nodes([&](const model::Node& node, bool backward, double seconds) {
    ++told[{node.name, backward}];
    total += seconds;
  });
  const at::Tensor images = test::random_images(8, 32).to(at::kCUDA);
  network.backward(at::full_like(network.forward(images, Mode::kTrain), 0.1));
  EXPECT_GT(total, 0);
  for (const auto& [node, times] : told) EXPECT_EQ(times, 1) << node.first;
  EXPECT_GT(told.size(), 60U) << "forward and backward of 20 layers";
}

TEST(NetworkOnAGpu, StaysInChannelsLastMemory) {
  if (c10::cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  for (const char* name : {"resnet_v1", "resnet_v2"})
    for (const bool plain : {false, true})
      for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16}) {
        Network network(model::make_network(name, {.num_layers = 20, .classes = 10, .height = 32, .width = 32}),
                        {1, 3, 32, 32}, 1, {.precision = precision, .gpu = 0, .plain = plain});
        for (const Mode mode : {Mode::kTrain, Mode::kFrozen}) {
          const at::Tensor logits = network.forward(test::random_images(8, 32).to(at::kCUDA), mode);
          EXPECT_NO_THROW(network.backward(at::full_like(logits, 0.01)));  // each node checks its own
        }
      }
}

#endif

}  // namespace
}  // namespace lockstep::nn

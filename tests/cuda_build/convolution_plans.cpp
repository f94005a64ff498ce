// What src/nn/convolution_plan.cpp says to cuDNN, before the real library: with the description of a GPU in the place
// of one it recommends engines and builds plans. They cannot run here; whether they compute the right thing is asked on
// a GPU.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "convolution_plan.h"
#include "described_gpu.h"
#include "lockstep/core/error.h"

namespace lockstep::nn {

// As in cudnn_calls.cpp, which would bring LibTorch's CUDA half along.
void require_cudnn(cudnnStatus_t status, const char* call) {
  require(status == CUDNN_STATUS_SUCCESS, ErrorKind::kDevice, call, ": ", cudnnGetErrorString(status));
}

namespace {

constexpr size_t kWorkspaceLimit = size_t{1} << 30;

/// Convolutions of ResNet-50 and ResNet-20, of MobileNet, ResNeXt and of dilated networks.
struct Shape {
  int64_t images, channels, size, outputs, kernel, stride, pad, dilation, groups;
};
constexpr auto kShapes = std::to_array<Shape>({
    {256, 3, 224, 64, 7, 2, 3, 1, 1},
    {256, 64, 56, 64, 1, 1, 0, 1, 1},
    {256, 64, 56, 64, 3, 1, 1, 1, 1},
    {256, 256, 56, 512, 1, 2, 0, 1, 1},
    {256, 512, 7, 512, 3, 1, 1, 1, 1},
    {128, 3, 32, 16, 3, 1, 1, 1, 1},
    {128, 32, 16, 64, 3, 2, 1, 1, 1},
    {256, 96, 112, 96, 3, 2, 1, 1, 96},
    {256, 128, 56, 128, 3, 1, 1, 1, 32},
    {16, 256, 28, 256, 3, 1, 2, 2, 1},
});

ConvolutionProblem problem_of(ConvolutionPart part, Number number, const Shape& shape) {
  return {.part = part,
          .number = number,
          .input = {shape.images, shape.channels, shape.size, shape.size},
          .weight = {shape.outputs, shape.channels / shape.groups, shape.kernel, shape.kernel},
          .stride = {shape.stride, shape.stride},
          .pad = {shape.pad, shape.pad},
          .dilation = {shape.dilation, shape.dilation}};
}

struct Counts {
  size_t problems = 0, recommended = 0, built = 0;
};

std::vector<PlanChoice> recommendations(const ConvolutionGraph& graph) {
  std::vector<PlanChoice> all;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK})
    std::ranges::copy(graph.candidates(mode), std::back_inserter(all));
  return all;
}

bool has(const std::vector<PlanChoice>& choices, const PlanChoice& choice) {
  return std::ranges::find(choices, choice) != choices.end();
}

void check(ConvolutionProblem problem, const backend::Descriptor& gpu, Counts& counts) {
  const std::string key = key_text(problem);
  const ConvolutionGraph graph(problem, nullptr, gpu);
  const auto recommended = recommendations(graph);
  size_t built = 0;
  for (const PlanChoice& choice : shortlist(recommended)) {
    const auto plan = graph.build(choice, kWorkspaceLimit);
    if (!plan) continue;
    ++built;
    const auto again = ConvolutionGraph(problem, nullptr, gpu).build(choice, kWorkspaceLimit);
    require(again && again->workspace_bytes() == plan->workspace_bytes(), ErrorKind::kBug, key, ": engine ",
            choice.engine, " is another plan when it is built again");
    if (plan->workspace_bytes() > 0)
      require(!graph.build(choice, plan->workspace_bytes() - 1), ErrorKind::kBug, key, ": the limit does not hold");
  }
  require(built > 0, ErrorKind::kBug, key, ": no plan of ", recommended.size(), " recommendations can be built");
  PlanChoice unknown{.engine = 100000};
  require(!graph.build(unknown, kWorkspaceLimit), ErrorKind::kBug, key, ": an engine that is none was built");
  counts = {counts.problems + 1, counts.recommended + recommended.size(), counts.built + built};
}

/// What a flag of the problem excludes must be less, and something.
void check_exclusion(ConvolutionProblem free, ConvolutionProblem strict, const backend::Descriptor& gpu) {
  const auto all = recommendations(ConvolutionGraph(free, nullptr, gpu));
  const auto some = recommendations(ConvolutionGraph(strict, nullptr, gpu));
  const bool is_part = std::ranges::all_of(some, [&](const PlanChoice& choice) { return has(all, choice); });
  require(!some.empty() && some.size() < all.size() && is_part, ErrorKind::kBug, key_text(strict), ": ", some.size(),
          " recommendations of ", all.size());
}

void check_all() {
  const backend::Descriptor gpu = describe_h200();
  Counts counts;
  for (const Number number : {Number::kBfloat16, Number::kFloat16, Number::kTf32, Number::kFloat32})
    for (const Shape& shape : kShapes)
      for (const ConvolutionPart part :
           {ConvolutionPart::kForward, ConvolutionPart::kDataGradient, ConvolutionPart::kWeightGradient})
        check(problem_of(part, number, shape), gpu, counts);
  ConvolutionProblem strict = problem_of(ConvolutionPart::kWeightGradient, Number::kBfloat16, kShapes[2]);
  const ConvolutionProblem free = strict;
  strict.deterministic = 1;
  check_exclusion(free, strict, gpu);
  check_exclusion(problem_of(ConvolutionPart::kForward, Number::kTf32, kShapes[2]),
                  problem_of(ConvolutionPart::kForward, Number::kFloat32, kShapes[2]), gpu);
  std::printf("cuDNN %zu: %zu plans of %zu recommendations for %zu convolutions built for an H200 that is not here\n",
              cudnnGetVersion(), counts.built, counts.recommended, counts.problems);
}

}  // namespace
}  // namespace lockstep::nn

int main() {
  try {
    lockstep::nn::check_all();
    return 0;
  } catch (const lockstep::Error& error) {
    std::fprintf(stderr, "convolution_plans: %s\n", error.what());
    return 1;
  }
}

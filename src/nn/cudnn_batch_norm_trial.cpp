#ifdef LOCKSTEP_CUDA

#include "cudnn_batch_norm_trial.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

namespace lockstep::nn {
namespace {

/// float32 numbers between -1 and 1, the same on every machine; LibTorch's own generator stays as it is.
at::Tensor noise(at::IntArrayRef sizes, double salt, const at::Tensor& like) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  const at::Tensor steps = at::arange(count, like.options().dtype(at::kDouble));
  return steps.mul_(12.9898).add_(salt).sin_().mul_(43758.5453).frac_().to(at::kFloat).view(sizes);
}

/// A node at work on a small random tensor.
struct Trial {
  model::Node node{.op = "BatchNorm", .name = "trial", .attributes = {{"momentum", "0.3"}, {"eps", "0.001"}}};
  NodeRun run;
  at::Tensor output, gradient;
  std::vector<at::Tensor> below;
};

/// The same numbers in each type: they are rounded as `problem` says before they become `type`.
void fill(Trial& trial, const BatchNormProblem& problem, at::ScalarType type, const at::Tensor& like) {
  const auto full = [&](double salt) {
    return noise(problem.sizes, salt, like).to(problem.type).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto channels = [&](double salt, double middle) { return noise({problem.sizes[1]}, salt, like).add_(middle); };
  trial.run = {.node = &trial.node,
               .mode = Mode::kTrain,
               .inputs = {full(1), full(2)},
               .parameters = {channels(3, 1.5), channels(4, 0)},
               .statistics = {channels(5, 0), channels(6, 1.5)},
               .parameter_gradients = {channels(0, 0), channels(0, 0)},
               .trainable = {true, true},
               .wants_gradient = {true, true}};
  trial.gradient = full(7);
}

/// |a - b| / |b|, and no number where one of them holds none.
double distance(const at::Tensor& a, const at::Tensor& b) {
  const double length = at::linalg_vector_norm(b).item<double>();
  return at::linalg_vector_norm(a.to(at::kFloat).sub(b)).item<double>() / length;
}

// An element whose sum is 0 but for rounding may be cut off by one and not by the other, which counts for about 0.5 %
// of a gradient; a wrong formula is farther off than 1 %. The moments are exact but for float32's rounding, and the
// biased variance of 512 values is off by 0.1 %.
constexpr double kTolerance = 1e-2, kTightTolerance = 2e-4;

std::string compare(const Trial& trial, const Trial& reference) {
  const auto check = [](const char* what, const at::Tensor& a, const at::Tensor& b, double tolerance) -> std::string {
    const double far = distance(a, b);
    return far <= tolerance ? "" : cat(what, " differs from LibTorch's by ", far * 100, " %");
  };
  std::string wrong = check("its output", trial.output, reference.output, kTolerance);
  const auto go_on = [&](const char* what, const at::Tensor& a, const at::Tensor& b, double tolerance = kTolerance) {
    if (wrong.empty()) wrong = check(what, a, b, tolerance);
  };
  go_on("its running mean", trial.run.statistics[0], reference.run.statistics[0], kTightTolerance);
  go_on("its running variance", trial.run.statistics[1], reference.run.statistics[1], kTightTolerance);
  go_on("the gradient of its input", trial.below[0], reference.below[0]);
  if (trial.below.size() > 1) go_on("the gradient of its shortcut", trial.below[1], reference.below[1]);
  go_on("the gradient of gamma", trial.run.parameter_gradients[0], reference.run.parameter_gradients[0]);
  go_on("the gradient of beta", trial.run.parameter_gradients[1], reference.run.parameter_gradients[1]);
  return wrong;
}

}  // namespace

BatchNormProblem trial_problem(const BatchNormProblem& problem) {
  return {problem.operation, problem.type, {8, problem.sizes[1], 8, 8}};
}

std::string complaint(const Way& way, const BatchNormProblem& problem, const at::Tensor& like) {
  const BatchNormOperation operation = problem.operation;
  Trial trial, reference;
  fill(trial, problem, problem.type, like);
  fill(reference, problem, at::kFloat, like);
  trial.output = forward_by(way, trial.run, operation);
  trial.below = backward_by(way, trial.run, operation, trial.gradient);
  reference.output = plain_batch_norm(reference.run, operation);
  reference.below = plain_batch_norm_backward(reference.run, operation, reference.gradient);
  return compare(trial, reference);
}

void rehearse(const Way& way, const BatchNormProblem& problem, const at::Tensor& like) {
  const auto& [n, c, h, w] = problem.sizes;
  const auto channels = [&] { return at::zeros({c}, like.options().dtype(at::kFloat)); };
  try {
    const at::Tensor full = at::zeros({n, h, w, c}, like.options().dtype(problem.type)).permute({0, 3, 1, 2});
    Trial trial;
    trial.run = {.node = &trial.node,
                 .mode = Mode::kTrain,
                 .inputs = {full, full},
                 .parameters = {channels(), channels()},
                 .statistics = {channels(), channels()},
                 .parameter_gradients = {channels(), channels()},
                 .trainable = {true, true},
                 .wants_gradient = {true, true}};
    forward_by(way, trial.run, problem.operation);
    backward_by(way, trial.run, problem.operation, full);
  } catch (const c10::OutOfMemoryError&) {  // the step itself needs less
  }
}

}  // namespace lockstep::nn

#endif

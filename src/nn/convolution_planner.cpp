#ifdef LOCKSTEP_CUDA

#include "convolution_planner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sub.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>

#include "lockstep/core/cache_folder.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"

namespace lockstep::nn {
namespace {

constexpr size_t kWorkspaceLimit = size_t{1} << 30;
constexpr int kTimedRuns = 3;
constexpr int64_t kComparedImages = 8;
constexpr int kAttempts = 8;

bool is_recording() { return c10::cuda::currentStreamCaptureStatusMayInitCtx() != c10::cuda::CaptureStatus::None; }

int64_t driver_version() {
  int version = 0;
  return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}

void run_plan(const ConvolutionPlan& plan, const ConvolutionOperands& operands) {
  const size_t bytes = plan.workspace_bytes();
  const at::Tensor workspace = bytes > 0 ? device_bytes(bytes, operands.x) : at::Tensor();
  plan.run(cudnn_handle(), {.x = operands.x.data_ptr(),
                            .w = operands.w.data_ptr(),
                            .y = operands.y.data_ptr(),
                            .workspace = bytes > 0 ? workspace.data_ptr() : nullptr});
}

/// The least of a few runs, after one that is not counted. Waits for the GPU.
template <class Action>
double milliseconds(const Action& action) {
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream();
  action();
  double least = INFINITY;
  for (int i = 0; i < kTimedRuns; ++i) {
    c10::cuda::CUDAEvent begin(cudaEventDefault), end(cudaEventDefault);
    begin.record(stream);
    action();
    end.record(stream);
    end.synchronize();
    least = std::min(least, static_cast<double>(begin.elapsed_time(end)));
  }
  return least;
}

/// How fast a plan is; nothing where it does not run. Deterministic choices are not timed, and may not depend on how
/// much memory is free.
std::optional<double> try_plan(const ConvolutionProblem& problem, const ConvolutionPlan& plan,
                               const ConvolutionOperands& operands, bool& lacked_memory) {
  try {
    if (!problem.deterministic) return milliseconds([&] { run_plan(plan, operands); });
    run_plan(plan, operands);
    return 0;
  } catch (const c10::OutOfMemoryError&) {
    if (problem.deterministic) throw;
    lacked_memory = true;
  } catch (const Error&) {
    C10_CUDA_CLEAR_ERROR();  // or the next call of LibTorch reports it
  }
  return std::nullopt;
}

/// LibTorch without its own search for the fastest, which would take longer than ours.
class WithoutSearch {
 public:
  WithoutSearch() : searched_(at::globalContext().benchmarkCuDNN()) { at::globalContext().setBenchmarkCuDNN(false); }
  ~WithoutSearch() { at::globalContext().setBenchmarkCuDNN(searched_); }
  WithoutSearch(const WithoutSearch&) = delete;
  WithoutSearch& operator=(const WithoutSearch&) = delete;

 private:
  bool searched_;
};

at::Tensor by_libtorch(const ConvolutionProblem& problem, const ConvolutionOperands& o) {
  const WithoutSearch guard;
  if (problem.part == ConvolutionPart::kForward)
    return at::convolution(o.x, o.w, std::nullopt, problem.stride, problem.pad, problem.dilation, false, {0, 0},
                           problem.groups());
  const bool data = problem.part == ConvolutionPart::kDataGradient;
  const at::Tensor weight = data ? o.w : at::empty_like(o.w, o.x.scalar_type());
  const auto gradients =
      at::convolution_backward(o.y, o.x, weight, std::nullopt, problem.stride, problem.pad, problem.dilation, false,
                               {0, 0}, problem.groups(), {data, !data, false});
  return data ? std::get<0>(gradients) : std::get<1>(gradients);
}

double tolerance(Number number) {
  switch (number) {
    case Number::kFloat32:
      return 1e-3;
    case Number::kTf32:
      return 1e-2;
    case Number::kFloat16:
      return 5e-3;
    case Number::kBfloat16:
      return 2e-2;
  }
  return 0;
}

double norm(const at::Tensor& tensor) {
  return at::linalg_vector_norm(tensor, 2, std::nullopt, false, at::kFloat).item<double>();
}

/// |result - LibTorch's| / |LibTorch's|; nothing where LibTorch's says nothing.
std::optional<double> difference(const ConvolutionProblem& problem, const ConvolutionOperands& operands) {
  const at::Tensor expected = by_libtorch(problem, operands);
  const double size = norm(expected);
  if (size == 0 || !std::isfinite(size)) return std::nullopt;
  return norm(at::sub(operands.result(problem.part), expected)) / size;
}

/// The same on the first and the last images, where the result consists of images.
std::optional<double> largest_difference(const ConvolutionProblem& problem, const ConvolutionOperands& o) {
  if (problem.part == ConvolutionPart::kWeightGradient) return difference(problem, o);
  const int64_t images = problem.input[0], compared = std::min(images, kComparedImages);
  std::optional<double> largest;
  for (const int64_t first : {int64_t{0}, images - compared}) {
    const auto found = difference(problem, {o.x.narrow(0, first, compared), o.w, o.y.narrow(0, first, compared)});
    // Not std::max, which may lose a NaN.
    if (found && (!largest || !(*found <= *largest))) largest = found;
  }
  return largest;
}

}  // namespace

const at::Tensor& ConvolutionOperands::result(ConvolutionPart part) const {
  return part == ConvolutionPart::kForward ? y : part == ConvolutionPart::kDataGradient ? x : w;
}

ConvolutionPlanner::ConvolutionPlanner()
    : cache_(cache_folder(), {.gpu = at::cuda::getCurrentDeviceProperties()->name,
                              .cudnn = static_cast<int64_t>(cudnnGetVersion()),
                              .driver = driver_version()}) {}

bool ConvolutionPlanner::run(const ConvolutionProblem& problem, const ConvolutionOperands& operands, bool may_measure) {
  const auto known = decisions_.find(problem);
  if (known == decisions_.end()) return run_first(problem, operands, may_measure);
  Decision& decision = known->second;
  if (!decision.plan) return false;
  run_plan(*decision.plan, operands);
  if (!decision.is_compared && !is_recording()) compare(decision, problem, operands);
  return decision.plan.has_value();
}

bool ConvolutionPlanner::run_first(const ConvolutionProblem& problem, const ConvolutionOperands& operands,
                                   bool may_measure) {
  if (is_recording() || (!may_measure && !cache_.find(key_text(problem)))) return false;
  const auto begin = std::chrono::steady_clock::now();
  decide(problem, operands);
  const bool is_written = run(problem, operands, may_measure);
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return is_written;
}

ConvolutionPlanner::Decision& ConvolutionPlanner::decide(const ConvolutionProblem& problem,
                                                         const ConvolutionOperands& operands) {
  const std::string key = key_text(problem);
  const auto stored = cache_.find(key);
  Decision decision;
  if (!stored || stored->engine != PlanChoice::kNone) {
    try {
      const ConvolutionGraph graph(problem, cudnn_handle());
      if (stored) decision = {graph.build(*stored, kWorkspaceLimit), *stored, true};
      if (!decision.plan) decision = measure(problem, graph, operands);
    } catch (const Error&) {
      decision = {};  // cuDNN refuses the problem as a whole
    }
    if (!decision.plan && !decision.lacked_memory) cache_.add(key, {});
  }
  ++(!decision.plan ? counts_.left : decision.is_compared ? counts_.stored : counts_.measured);
  return decisions_[problem] = std::move(decision);
}

ConvolutionPlanner::Decision ConvolutionPlanner::measure(const ConvolutionProblem& problem,
                                                         const ConvolutionGraph& graph,
                                                         const ConvolutionOperands& operands) const {
  Decision best;
  const auto try_all = [&](const std::vector<PlanChoice>& choices) {
    for (const PlanChoice& choice : choices) {
      if (problem.deterministic && best.plan) return;
      const auto plan = graph.build(choice, kWorkspaceLimit);
      const auto time = plan ? try_plan(problem, *plan, operands, best.lacked_memory) : std::nullopt;
      if (!time || (best.plan && *time >= best.choice.milliseconds)) continue;
      best.plan = plan;
      best.choice = choice;
      best.choice.milliseconds = *time;
      best.choice.workspace_bytes = static_cast<int64_t>(plan->workspace_bytes());
    }
  };
  std::vector<PlanChoice> recommended = graph.candidates(CUDNN_HEUR_MODE_A);
  std::ranges::copy(graph.candidates(CUDNN_HEUR_MODE_B), std::back_inserter(recommended));
  try_all(problem.deterministic ? recommended : shortlist(recommended));
  if (!best.plan) try_all(graph.candidates(CUDNN_HEUR_MODE_FALLBACK));
  return best;
}

void ConvolutionPlanner::compare(Decision& decision, const ConvolutionProblem& problem,
                                 const ConvolutionOperands& operands) {
  // Used without, rather than waiting for the GPU for ever: cuDNN itself recommended it.
  if (++decision.attempts >= kAttempts) decision.is_compared = true;
  std::optional<double> found;
  try {
    found = largest_difference(problem, operands);
  } catch (const c10::OutOfMemoryError&) {
    // No room for a second result now.
  }
  if (!found) return;
  if (*found <= tolerance(problem.number)) {
    decision.is_compared = true;
    if (!decision.lacked_memory) cache_.add(key_text(problem), decision.choice);
    return;
  }
  log::warning("cuDNN's engine ", decision.choice.engine, " for ", key_text(problem), " differs from LibTorch by ",
               *found, " of the result, more than ", tolerance(problem.number), ": LibTorch computes it from now on");
  decision = {};
  --counts_.measured;
  ++counts_.left;
}

void ConvolutionPlanner::store() {
  cache_.store();
  static std::atomic<bool> is_said = false;
  if (decisions_.empty() || is_said.exchange(true)) return;
  log::info("cuDNN: ", counts_.stored, " plans of convolutions from ",
            cache_.path().empty() ? "no file (neither LOCKSTEP_CACHE nor HOME is set)" : cache_.path().string(), ", ",
            counts_.measured, " measured, ", counts_.left, " left to LibTorch, in ", format("%.1f s", seconds_));
}

}  // namespace lockstep::nn

#endif

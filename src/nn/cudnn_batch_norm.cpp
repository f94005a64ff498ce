#include "cudnn_batch_norm.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "lockstep/core/text.h"

#ifdef LOCKSTEP_CUDA
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAGuard.h>

#include "cudnn_batch_norm_trial.h"
#include "lockstep/core/cache_folder.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#endif

namespace lockstep::nn {

BatchNormProblem problem_of(BatchNormOperation operation, const at::Tensor& input) {
  return {.operation = operation,
          .type = input.scalar_type(),
          .sizes = {input.size(0), input.size(1), input.size(2), input.size(3)}};
}

const char* why_not_cudnn(const BatchNormProblem& problem) {
  const auto& [n, c, h, w] = problem.sizes;
  if (problem.type != at::kFloat && problem.type != at::kHalf && problem.type != at::kBFloat16)
    return "its numbers are not float32, float16 or bfloat16";
  if (c % 8 != 0) return "its channels are not a multiple of 8";
  if (n * c * h * w > INT32_MAX) return "it has more elements than 32 bits count";
  if (n * h * w < 2) return "it has one value a channel";
  return nullptr;
}

std::string name_of(const BatchNormProblem& problem) {
  const char* operation = problem.operation == BatchNormOperation::kNorm       ? "BatchNorm"
                          : problem.operation == BatchNormOperation::kNormRelu ? "BatchNorm+relu"
                                                                               : "BatchNorm+add+relu";
  const char* type = problem.type == at::kHalf       ? "float16"
                     : problem.type == at::kBFloat16 ? "bfloat16"
                     : problem.type == at::kFloat    ? "float32"
                                                     : c10::toString(problem.type);
  return cat(operation, " in ", type);
}

#ifdef LOCKSTEP_CUDA

namespace {

using ProblemOfGpu = std::pair<c10::DeviceIndex, BatchNormProblem>;
enum class Kind { kFixed, kGraph };
/// Best first. The fixed kernels need no compiling, but those that are fused are of float16.
std::array<Kind, 2> kinds_for(at::ScalarType type) {
  return type == at::kHalf ? std::array{Kind::kFixed, Kind::kGraph} : std::array{Kind::kGraph, Kind::kFixed};
}
const char* text_of(Kind kind) { return kind == Kind::kFixed ? "fixed kernels" : "graphs"; }

PlanPlace this_place() {
  int driver = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  const Path cache = cache_folder();
  return {.handle = cudnn_handle(),
          .deterministic = at::globalContext().deterministicCuDNN(),
          .folder = cache.empty() ? cache : cache / "plans",
          .machine = cat(at::cuda::getCurrentDeviceProperties()->name, ", driver ", driver)};
}

/// Whether the stream records a CUDA graph: what is recorded does not run, and can neither be checked nor waited for.
bool is_recording() { return c10::cuda::currentStreamCaptureStatusMayInitCtx() != c10::cuda::CaptureStatus::None; }

/// Graphs that were built before somebody asked for them.
struct Prepared {
  std::mutex mutex;
  std::map<ProblemOfGpu, GraphBatchNorm> graphs;
};
Prepared& prepared() {
  static Prepared all;
  return all;
}

Way build(Kind kind, const BatchNormProblem& problem, at::Device gpu) {
  if (kind == Kind::kFixed) return FixedBatchNorm(problem);
  {
    const std::lock_guard lock(prepared().mutex);
    if (auto known = prepared().graphs.extract({gpu.index(), problem}); known) return std::move(known.mapped());
  }
  return GraphBatchNorm(problem, this_place());
}

/// What is wrong with this kind of kernels; empty: nothing.
std::string try_out(Kind kind, const BatchNormProblem& problem, const at::Tensor& like) {
  try {
    return complaint(build(kind, trial_problem(problem), like.device()), trial_problem(problem), like);
  } catch (const Error& error) {
    return error.what();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
}

/// What this process knows of cuDNN's BatchNorms.
class Ways {
 public:
  /// Null: LibTorch's operators.
  const Way* find(const BatchNormProblem& problem, const at::Tensor& like) {
    const std::lock_guard lock(mutex_);
    const ProblemOfGpu key(like.device().index(), problem);
    if (const auto known = ways_.find(key); known != ways_.end()) return known->second.get();
    if (is_recording()) return nullptr;
    return ways_.emplace(key, make(problem, like)).first->second.get();
  }

  /// The graphs that find() would build for these problems, each once.
  std::vector<BatchNormProblem> missing_graphs(const std::vector<BatchNormProblem>& problems, at::Device gpu) {
    const std::lock_guard lock(mutex_);
    std::set<BatchNormProblem> missing;
    std::set<KindKey> tried;
    for (const BatchNormProblem& problem : problems) {
      const KindKey key{problem.operation, problem.type};
      const auto kind = kinds_.contains(key) ? kinds_[key] : kinds_for(problem.type)[0];
      if (why_not_cudnn(problem) || kind != Kind::kGraph || ways_.contains({gpu.index(), problem})) continue;
      missing.insert(problem);
      if (!kinds_.contains(key) && tried.insert(key).second) missing.insert(trial_problem(problem));
    }
    return {missing.begin(), missing.end()};
  }

 private:
  using KindKey = std::pair<BatchNormOperation, at::ScalarType>;

  std::unique_ptr<Way> make(const BatchNormProblem& problem, const at::Tensor& like) {
    const KindKey key{problem.operation, problem.type};
    if (!kinds_.contains(key)) kinds_[key] = choose(problem, like);
    if (!kinds_[key]) return nullptr;
    std::string reason;
    try {
      auto way = std::make_unique<Way>(build(*kinds_[key], problem, like.device()));
      rehearse(*way, problem, like);
      return way;
    } catch (const Error& error) {
      reason = error.what();
    } catch (const c10::Error& error) {
      reason = error.what_without_backtrace();
    }
    const auto& [n, c, h, w] = problem.sizes;
    log::warning(name_of(problem), ", from ", n, "x", c, "x", h, "x", w,
                 " on: LibTorch's operators instead of cuDNN's (", reason, ")");
    kinds_[key].reset();
    return nullptr;
  }

  static std::optional<Kind> choose(const BatchNormProblem& problem, const at::Tensor& like) {
    std::string reasons;
    for (const Kind kind : kinds_for(problem.type)) {
      const std::string wrong = try_out(kind, problem, like);
      if (wrong.empty()) {
        log::info(name_of(problem), ": cuDNN's ", text_of(kind));
        return kind;
      }
      reasons += cat(reasons.empty() ? "" : "; ", text_of(kind), ": ", wrong);
    }
    log::warning(name_of(problem), ": LibTorch's operators instead of cuDNN's (", reasons, ")");
    return std::nullopt;
  }

  std::mutex mutex_;
  std::map<ProblemOfGpu, std::unique_ptr<Way>> ways_;
  std::map<KindKey, std::optional<Kind>> kinds_;
};

Ways& ways() {
  static Ways all;
  return all;
}

/// cuDNN's kernels load 16 bytes at once.
bool is_aligned(const at::Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 16 == 0; }

const Way* way_of(const NodeRun& run, BatchNormOperation operation) {
  const at::Tensor& x = run.inputs[0];
  if (run.plain || !x.is_cuda() || !updates_statistics(run, x)) return nullptr;
  if (why_not_cudnn(problem_of(operation, x)) || !std::ranges::all_of(run.inputs, is_aligned)) return nullptr;
  return ways().find(problem_of(operation, x), x);
}

}  // namespace

void prepare_cudnn_batch_norms(const std::vector<BatchNormProblem>& problems, at::Device gpu) {
  if (is_recording()) return;
  const std::vector<BatchNormProblem> list = ways().missing_graphs(problems, gpu);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    const c10::cuda::CUDAGuard guard(gpu);
    for (size_t i = next++; i < list.size(); i = next++) try {
        GraphBatchNorm graph(list[i], this_place());
        const std::lock_guard lock(prepared().mutex);
        prepared().graphs.emplace(ProblemOfGpu(gpu.index(), list[i]), std::move(graph));
      } catch (const std::exception&) {  // said by whoever needs it
      }
  };
  std::vector<std::jthread> threads(std::min<size_t>({8, list.size(), std::thread::hardware_concurrency()}));
  for (std::jthread& thread : threads) thread = std::jthread(work);
}

std::optional<at::Tensor> cudnn_batch_norm(NodeRun& run, BatchNormOperation operation) {
  const Way* way = way_of(run, operation);
  return way ? std::optional(forward_by(*way, run, operation)) : std::nullopt;
}

bool was_cudnn_batch_norm(const NodeRun& run) { return run.kept.size() == 5; }

std::vector<at::Tensor> cudnn_batch_norm_backward(NodeRun& run, BatchNormOperation operation,
                                                  const at::Tensor& gradient) {
  const Way* way = ways().find(problem_of(operation, run.kept[0]), run.kept[0]);
  return backward_by(*way, run, operation, is_aligned(gradient) ? gradient : gradient.clone());
}

#endif

}  // namespace lockstep::nn

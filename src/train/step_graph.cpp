#include "step_graph.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/linalg_vector_norm.h>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"

namespace lockstep::train {
namespace {

// The order of a GPU's additions may differ from one step to the next.
constexpr double kTolerance = 0.05;
constexpr double kRounding = 1e-6;  // of values that hardly change

double length(const at::Tensor& values) {
  return at::linalg_vector_norm(values, 2, std::nullopt, false, at::kDouble).item<double>();
}

struct Named {
  std::string name;
  at::Tensor values;
};

/// What a step changes, but for the numbers of Snapshot.
std::vector<Named> state_of(Learner& learner) {
  std::vector<Named> state{{"weights", learner.network->parameters()}, {"statistics", learner.network->statistics()}};
  for (const at::Tensor& moment : learner.optimizer->moments()) state.push_back({"moments", moment});
  if (!learner.average_parameters) return state;
  state.push_back({"averaged weights", learner.average_parameters->values()});
  state.push_back({"averaged statistics", learner.average_statistics->values()});
  return state;
}

/// A learner as it is now.
class Snapshot {
 public:
  explicit Snapshot(Learner& learner) : applied_(learner.optimizer->applied()) {
    for (const Named& each : state_of(learner)) state_.push_back({each.name, each.values.clone()});
    if (learner.scaler) scale_ = learner.scaler->saved();
  }

  void restore(Learner& learner) const {
    std::vector<Named> now = state_of(learner);
    for (size_t k = 0; k < now.size(); ++k) now[k].values.copy_(state_[k].values);
    learner.optimizer->set_applied(applied_);
    learner.network->refresh_working_copy();
    if (learner.scaler) learner.scaler->restore(scale_);
  }

  /// Where `other`, which was the same `before`, has become something else; empty where it has not.
  std::string difference(const Snapshot& other, const Snapshot& before) const {
    if (applied_ != other.applied_) return "the number of updates";
    if (scale_.scale != other.scale_.scale || scale_.applied_in_a_row != other.scale_.applied_in_a_row)
      return "the loss scale";
    for (size_t k = 0; k < state_.size(); ++k) {
      const at::Tensor &mine = state_[k].values, &theirs = other.state_[k].values;
      const double far = length(mine.sub(theirs)), changed = length(mine.sub(before.state_[k].values));
      if (!(far <= kTolerance * changed + kRounding * length(mine)))
        return format("the %s: they are %.3g apart, where the step changed them by %.3g", state_[k].name.c_str(), far,
                      changed);
    }
    return "";
  }

 private:
  std::vector<Named> state_;
  int64_t applied_;
  optim::LossScaler::Saved scale_;
};

std::string compare_gradients(const at::Tensor& replayed, const at::Tensor& done) {
  const double far = length(replayed.sub(done)), size = length(done);
  return far <= kTolerance * size ? ""
                                  : format("the gradients: they are %.3g apart, where they are %.3g long", far, size);
}

std::string compare_figures(const at::Tensor& replayed, const at::Tensor& done) {
  const at::Tensor a = replayed.cpu(), b = done.cpu();
  for (int64_t i = 0; i < a.numel(); ++i) {
    const auto one = static_cast<double>(a.const_data_ptr<float>()[i]);
    const auto other = static_cast<double>(b.const_data_ptr<float>()[i]);
    if (!(std::abs(one - other) <= kTolerance * std::abs(other)))
      return format("figure %d: %.6g instead of %.6g", static_cast<int>(i), one, other);
  }
  return "";
}

}  // namespace

Record choose_record(const Run& run, int gpu, bool has_shards) {
  if (gpu < 0) return {};
  const std::string obstacle = run.gpu_step == "plain"    ? "run.gpu_step is plain"
                               : run.skip_bad_records > 0 ? "run.skip_bad_records makes batches short unforeseen"
                               : has_shards               ? "hosts with data of their own have steps of different sizes"
                                                          : "";
  if (obstacle.empty()) return record_graph;
  log::info("the step is not replayed as a CUDA graph: ", obstacle);
  return {};
}

StepGraph::StepGraph(Record record, Learner& learner, comm::Communicator& communicator, at::Tensor figures)
    : record_(std::move(record)), learner_(learner), communicator_(communicator), figures_(std::move(figures)) {}

void StepGraph::run(bool is_full, const Work& work) {
  if (!record_ || !is_full) return work();
  if (checked_) return replay();
  if (recording_) return check(work);
  if (full_steps_++ == kStepsBefore) record(work);
  work();
}

void StepGraph::replay() {
  recording_->replay();
  communicator_.expect(flat_buffer(figures_).stream, "replay of the step");
}

void StepGraph::record(const Work& work) {
  std::string failure;
  try {
    recording_ = record_(work);
  } catch (const std::exception& error) {
    failure = cat("recording failed: ", error.what());
    failure.resize(std::min(failure.size(), failure.find('\n')));
  }
  agree(failure);
}

/// At another step than it was recorded at: what was taken from that one would be seen.
void StepGraph::check(const Work& work) {
  const Snapshot before(learner_);
  replay();
  const Snapshot replayed(learner_);
  const at::Tensor gradients = learner_.network->parameter_gradients().clone(), figures = figures_.clone();
  before.restore(learner_);
  work();
  const at::Tensor done = learner_.network->parameter_gradients();
  if (!std::isfinite(length(done)) || !std::isfinite(length(figures_))) return;
  std::string failure = compare_gradients(gradients, done);
  if (failure.empty()) failure = compare_figures(figures, figures_);
  if (failure.empty()) failure = Snapshot(learner_).difference(replayed, before);
  if (!failure.empty()) failure = "a replay differs from the step in " + failure;
  if (!agree(failure)) return;
  checked_ = true;
  log::info("the step is a CUDA graph of ", recording_->nodes, " nodes");
}

/// Whether no rank has failed; otherwise all do without.
bool StepGraph::agree(const std::string& failure) {
  const std::vector<std::string> failures = comm::gather_texts(communicator_, failure);
  const auto first = std::find_if(failures.begin(), failures.end(), [](const auto& text) { return !text.empty(); });
  if (first == failures.end()) return true;
  recording_.reset();
  record_ = nullptr;
  if (communicator_.rank() == 0)
    log::warning("the step is not replayed as a CUDA graph, and takes longer: rank ", first - failures.begin(), ": ",
                 *first);
  return false;
}

}  // namespace lockstep::train

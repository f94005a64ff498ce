#include "rehearsal.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <sys/resource.h>

#include "announce.h"
#include "job.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/model/checkpoint.h"
#include "options.h"
#include "rank_watch.h"
#include "state.h"
#include "step.h"
#include "validation.h"

namespace lockstep::train {
namespace {

using Clock = std::chrono::steady_clock;
const Clock::time_point kLoaded = Clock::now();  // the program was
constexpr double kEvaluationSeconds = 10;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// OUTPUT.try while this lives; rank 0 makes and removes it.
class Stage {
 public:
  Stage(const Path& folder, bool leads) : folder_(folder), leads_(leads) { clear(); }
  ~Stage() { clear(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  void clear() const {
    std::error_code ignored;
    if (leads_) std::filesystem::remove_all(folder_, ignored);
  }
  Path folder_;
  bool leads_;
};

/// The run as it would begin in an empty folder.
LoadedConfig staged(const LoadedConfig& loaded) {
  require(!loaded.config.run.output.empty(), ErrorKind::kUsage,
          "run.output is not set: name the folder of the run, as run.output=runs/first");
  LoadedConfig config = loaded;
  Run& run = config.config.run;
  const Path output = std::filesystem::absolute(run.output).lexically_normal();
  run.output = (output.has_filename() ? output : output.parent_path()).string() + ".try";
  if (run.resume == "must" || run.resume == "never") run.resume = "auto";
  return config;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Rehearser {
 public:
  Rehearser(Job& job, comm::Communicator& communicator)
      : job_(job), communicator_(communicator), first_(job.state.step) {
    result_.ranks = job.launch.size;
    result_.global_batch = job.global_batch();
  }

  void train(int64_t batches) {
    Step step(job_.learner, communicator_, step_options(job_));
    data::LoaderOptions options = loader_options(job_, true);
    options.epochs = options.first_epoch + 1 + batches / job_.steps_per_epoch + 1;
    data::Loader loader(*job_.data.train, job_.order, options);
    const optim::Schedule schedule(schedule_options(job_));
    const int64_t begun = job_.state.epoch * job_.steps_per_epoch + job_.state.sums.batches;
    for (int64_t i = 0; i < batches; ++i) {
      const auto batch = loader.next();
      require(batch.has_value(), ErrorKind::kBug, "the loader ended before the rehearsal did");
      step.start(*batch, schedule.at(begun + i));
      while (step.in_flight() > step.depth()) count(step.take(), loader);
    }
    while (step.in_flight() > 0) count(step.take(), loader);
    result_.batches = batches;
    result_.step = median(seconds_);
    result_.images_per_second = static_cast<double>(job_.global_batch()) / result_.step;
    result_.data_share = median(waited_) / result_.step;
  }

  void evaluate() {
    if (!job_.data.validation) return;
    const UseAverages averaged(job_.learner);
    const data::Dataset& dataset = *job_.data.validation;
    data::Loader loader(dataset, validation_order(dataset, job_.global_batch(), job_.data.validation_shards),
                        loader_options(job_, false));
    const auto& h = job_.config.hyperparameters;
    track::Metrics metrics(static_cast<int>(*h.num_classes), h.multi_label, {});
    const auto start = Clock::now();
    const bool whole = validate(*job_.learner.network, loader, communicator_, job_.card, metrics, [&] {
                         return seconds_since(start) > kEvaluationSeconds;
                       }).has_value();
    std::vector<int64_t> counts{metrics.count()};  // of this rank alone, where it was cut short
    if (!whole) communicator_.allreduce(comm::buffer(counts));
    result_.evaluated = counts[0];
    result_.evaluation = seconds_since(start) * static_cast<double>(dataset.size()) /
                         static_cast<double>(std::max<int64_t>(1, counts[0]));
  }

  void save_and_load() {
    const bool leads = communicator_.rank() == 0;
    auto start = Clock::now();
    const model::checkpoint::Content before = content();
    result_.snapshot = seconds_since(start);
    model::checkpoint::Content read;
    if (leads) {
      start = Clock::now();
      const Path path =
          model::checkpoint::save(Path(job_.config.run.output) / "checkpoints", job_.state.step, before, 1);
      result_.save = seconds_since(start);
      for (const auto& file : std::filesystem::directory_iterator(path))
        result_.checkpoint_bytes += static_cast<int64_t>(file.file_size());
      start = Clock::now();
      read = model::checkpoint::load(path);
    }
    forget();
    if (leads) job_.state = from_checkpoint(read, job_.learner);
    share_state(job_.state, job_.learner, communicator_);
    result_.load = seconds_since(start);
    compare(before, content());
    RankWatch(communicator_, 1).look(job_.state.step, 0, job_.learner.network->parameters());
  }

  Rehearsal result() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::vector<int64_t> most{int64_t{1024} * used.ru_maxrss};
    communicator_.allreduce(comm::buffer(most), comm::Op::kMax);
    result_.memory_bytes = most[0];
    const auto epochs = static_cast<double>(job_.config.hyperparameters.epochs);
    result_.run =
        epochs * (static_cast<double>(job_.steps_per_epoch) * result_.step + result_.evaluation + result_.snapshot);
    return result_;
  }

 private:
  /// The first step has to find its memory, and counts only where there is no other.
  void count(const StepResult& result, const data::Loader& loader) {
    if (job_.state.step == first_) result_.first_step = seconds_since(kLoaded);
    if (job_.state.step == first_ + 1) seconds_.clear(), waited_.clear();
    seconds_.push_back(seconds_since(last_));
    waited_.push_back(loader.seconds_waited() - waited_before_);
    last_ = Clock::now();
    waited_before_ = loader.seconds_waited();
    require(result.applied || result.count == 0 || job_.learner.scaler, ErrorKind::kData, "step ", job_.state.step + 1,
            ": loss or gradient is not finite; train with a smaller learning_rate");
    ++job_.state.step;
  }

  model::checkpoint::Content content() {
    return to_checkpoint(job_.state, job_.learner, to_yaml(job_.config), model::card_text(job_.card));
  }

  /// What is equal afterwards has come from the file.
  void forget() {
    Learner& learner = job_.learner;
    std::vector<at::Tensor> parameters{learner.network->parameters()}, others{learner.network->statistics()};
    if (learner.average_parameters) {
      parameters.push_back(learner.average_parameters->values());
      others.push_back(learner.average_statistics->values());
    }
    for (const nn::Segment& segment : learner.network->segments())
      if (!segment.fixed)
        for (at::Tensor& flat : parameters) flat.narrow(0, segment.begin, segment.end - segment.begin).zero_();
    for (at::Tensor& moment : learner.optimizer->moments()) others.push_back(moment);
    for (at::Tensor& tensor : others) tensor.zero_();
  }

  void compare(const model::checkpoint::Content& before, const model::checkpoint::Content& after) const {
    for (const model::Array& array : before.tensors) {
      const model::Array* again = model::find_array(after.tensors, array.name);
      require(again && again->data == array.data, ErrorKind::kBug, "rank ", communicator_.rank(), ": ", array.name,
              " is not what it was before it was saved and loaded");
    }
    require(before.texts == after.texts, ErrorKind::kBug, "rank ", communicator_.rank(),
            ": the state is not what it was before it was saved and loaded");
  }

  Job& job_;
  comm::Communicator& communicator_;
  const int64_t first_;  // the step that it begins behind
  Rehearsal result_;
  Clock::time_point last_ = Clock::now();
  double waited_before_ = 0;
  std::vector<double> seconds_, waited_;  // of each step, the wait for data in it
};

}  // namespace

Rehearsal rehearse(const LoadedConfig& loaded, int64_t batches, comm::Communicator& communicator) {
  require(batches > 0, ErrorKind::kUsage, "a rehearsal takes at least one batch, not ", batches);
  const bool leads = communicator.rank() == 0;
  const LoadedConfig config = staged(loaded);
  log::start(communicator.rank(), communicator.size(), "");
  const Stage stage(config.config.run.output, leads);
  Job job = prepare(config, communicator);
  if (leads) announce(job);
  Rehearser rehearser(job, communicator);
  rehearser.train(batches);
  rehearser.evaluate();
  rehearser.save_and_load();
  return rehearser.result();
}

std::string summary_text(const Rehearsal& r) {
  std::string text = cat("rehearsal: ", r.batches, " steps of ", r.global_batch, " images on ", r.ranks, " rank(s), ",
                         format("%.1f images/s (%.1f ms a step, %.0f %% of it waiting for pictures), ",
                                r.images_per_second, 1e3 * r.step, 100 * r.data_share),
                         format("first step done after %.1f s, ", r.first_step));
  if (r.evaluated > 0) text += cat(r.evaluated, format(" images evaluated, %.1f s for all, ", r.evaluation));
  return text + cat("memory of a rank ", bytes_text(static_cast<double>(r.memory_bytes)), ", checkpoint of ",
                    bytes_text(static_cast<double>(r.checkpoint_bytes)),
                    format(" written in %.2f s, read and equal; ", r.save), "the run would take about ",
                    duration_text(r.run), "\n");
}

}  // namespace lockstep::train

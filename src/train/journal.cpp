#include "journal.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "summary.h"

namespace lockstep::train {
namespace {

constexpr int64_t kLogEvery = 20;  // batches, as SageMaker's Speedometer

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Journal::Journal(const Job& job, bool leads)
    : job_(job),
      hyperparameters_(job.config.hyperparameters),
      start_(Clock::now()),
      epoch_start_(start_),
      seconds_before_(job.state.seconds) {
  if (leads)
    events_ = std::make_unique<track::EventLog>(Path(job.config.run.output) / "metrics.jsonl", job.state.step,
                                                job.state.evaluation_due ? "validation" : "");
}

double Journal::elapsed() const { return seconds_before_ + seconds_since(start_); }

track::Event Journal::event(const std::string& name) const {
  // A step belongs to the epoch that has begun, everything else to the one that ended.
  const int64_t epoch = job_.state.epoch + (name == "step" ? 1 : 0);
  return track::Event(name).set("epoch", epoch).set("step", job_.state.step).set("seconds", elapsed());
}

double Journal::images_per_second() const {
  return static_cast<double>(job_.state.sums.count - counted_before_) / seconds_since(epoch_start_);
}

/// With the time that the way to the GPU took, which the loader does not see.
data::LoaderTimes Journal::times_of(const Step& step, const data::Loader& loader) {
  data::LoaderTimes times = loader.times();
  times.transfer = step.feed().seconds_transferring();
  return times;
}

void Journal::begin_epoch(const Step& step, const data::Loader& loader) {
  loaded_before_ = times_of(step, loader);
  epoch_start_ = Clock::now();
  counted_before_ = job_.state.sums.count;
  exchanged_before_ = step.reducer().seconds_exchanging();
  waited_before_ = step.reducer().seconds_waited();
}

void Journal::step(const StepResult& result) {
  if (!events_ || result.count == 0) return;
  const EpochSums& sums = job_.state.sums;
  events_->write(event("step")
                     .set("loss", result.loss / static_cast<double>(result.count))
                     .set("accuracy", result.correct / static_cast<double>(result.count))
                     .set("learning_rate", result.learning_rate)
                     .set("gradient_norm", result.gradient_norm)
                     .set("images_per_second", images_per_second()));
  const int64_t batch = sums.batches - 1;
  if (batch == 0 || batch % kLogEvery != 0) return;
  const std::string top_k = hyperparameters_.top_k && !hyperparameters_.multi_label
                                ? format("\ttop_k_accuracy_%d=%f", int(*hyperparameters_.top_k), sums.top_k_accuracy())
                                : "";
  log::info(format("Epoch[%d] Batch [%d]\tSpeed: %.3f samples/sec\taccuracy=%f", int(job_.state.epoch), int(batch),
                   images_per_second(), sums.accuracy()),
            top_k);
}

void Journal::epoch(const Step& step, const data::Loader& loader) {
  if (!events_) return;
  const EpochSums& sums = job_.state.sums;
  const auto epoch = static_cast<int>(job_.state.epoch - 1);  // SageMaker counts from 0
  require(sums.count > 0, ErrorKind::kData, "epoch ", epoch + 1, ": not one sample could be read");
  track::Event event = this->event("epoch");
  event.set("samples", sums.count).set("cross_entropy", sums.cross_entropy()).set("accuracy", sums.accuracy());
  log::info(format("Epoch[%d] Train-accuracy=%f", epoch, sums.accuracy()));
  if (hyperparameters_.top_k && !hyperparameters_.multi_label) {
    const auto k = static_cast<int>(*hyperparameters_.top_k);
    event.set(cat("top_k_accuracy_", k), sums.top_k_accuracy());
    log::info(format("Epoch[%d] Train-top_k_accuracy_%d=%f", epoch, k, sums.top_k_accuracy()));
  }
  log::info(format("Epoch[%d] Time cost=%.3f", epoch, seconds_since(epoch_start_)));
  event.set("images_per_second", images_per_second())
      .set("seconds_waited_for_data", loader.seconds_waited())
      .set("skipped_samples", loader.skipped())
      .set("skipped_steps", job_.state.skipped);
  if (job_.learner.scaler) event.set("loss_scale", job_.learner.scaler->saved().scale);
  if (job_.launch.size > 1) exchange(step.reducer(), event);
  input(times_of(step, loader) - loaded_before_, event);
  events_->write(event);
  if (loader.skipped() > 0) log::warning(loader.skipped(), " unreadable samples were left out since this start");
}

/// How much of the exchange of gradients was hidden behind backward: what was on its way while nobody waited. Inside a
/// CUDA graph nobody sees when it moves.
void Journal::exchange(const Reducer& reducer, track::Event& event) {
  const double exchanged = reducer.seconds_exchanging() - exchanged_before_;
  if (exchanged <= 0) return;
  const double waited = reducer.seconds_waited() - waited_before_;
  const double hidden = std::clamp(1 - waited / exchanged, 0.0, 1.0);
  event.set("seconds_exchanging", exchanged).set("seconds_waited_for_ranks", waited).set("exchange_hidden", hidden);
  log::info(format("Epoch[%d] exchange of gradients: %.2f s, %.0f %% of it hidden behind backward",
                   int(job_.state.epoch - 1), exchanged, 100 * hidden));
}

/// What the epoch waited for: the network, or data and why.
void Journal::input(const data::LoaderTimes& times, track::Event& event) {
  const data::Bound bound = data::bound_of(times);
  event.set("bound", data::bound_name(bound))
      .set("seconds_reading", times.read)
      .set("seconds_decoding", times.decode)
      .set("seconds_applying", times.apply)
      .set("seconds_transferring", times.transfer);
  const std::string text = format("Epoch[%d] ", int(job_.state.epoch - 1)) + data::bound_text(times);
  bound == data::Bound::kStorage ? log::warning(text) : log::info(text);
}

void Journal::validation(const track::Report& report, bool is_best) {
  if (!events_) return;
  const auto epoch = static_cast<int>(job_.state.epoch - 1);
  log::info(format("Epoch[%d] Validation-accuracy=%f", epoch, report.accuracy));
  for (const auto& [k, accuracy] : report.top_k)
    if (k == hyperparameters_.top_k) log::info(format("Epoch[%d] Validation-top_k_accuracy_%d=%f", epoch, k, accuracy));
  track::Event event = this->event("validation");
  set_figures(event, report);
  events_->write(event);
  if (is_best && !hyperparameters_.checkpoint_frequency)
    log::info(format("Storing the best model with validation accuracy: %f", report.accuracy));
}

void Journal::model(const Path& folder) {
  if (!events_) return;
  log::info(
      format("Saved checkpoint to \"%s/image-classification-%04d.params\"", folder.c_str(), int(job_.state.epoch)));
}

void Journal::checkpoint(const Saver::Saved& saved, double seconds_stalled) {
  if (!events_) return;
  events_->write(event("checkpoint")
                     .set("step", saved.step)
                     .set("path", saved.path.string())
                     .set("seconds_stalled", seconds_stalled)
                     .set("seconds_to_save", saved.seconds));
}

void Journal::stop(const std::string& reason) {
  if (events_) events_->write(event("stop").set("reason", reason));
}

}  // namespace lockstep::train

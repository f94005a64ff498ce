#include "trainer.h"

#include <filesystem>

#include "early_stopping.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/track/progress.h"
#include "stop_signal.h"
#include "summary.h"
#include "validation.h"

namespace lockstep::train {
namespace {

constexpr int64_t kLogEvery = 20;  // batches, as SageMaker's Speedometer

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

StepOptions step_options(const Job& job) {
  const auto& h = job.config.hyperparameters;
  StepOptions options{.global_batch = job.global_batch(),
                      .mode = job.config.run.freeze_batch_norm ? nn::Mode::kFrozen : nn::Mode::kTrain,
                      .multi_label = h.multi_label,
                      .card = job.card,
                      .top_k = static_cast<int>(h.top_k.value_or(1)),
                      .bucket_bytes = job.config.run.bucket_bytes};
  if (h.use_weighted_loss && h.multi_label)
    options.weights = nn::label_weights({job.data.facts.class_counts.begin(), job.data.facts.class_counts.end()},
                                        job.data.facts.samples);
  return options;
}

data::LoaderOptions loader_options(const Job& job, bool training) {
  return {.rank = job.launch.rank,
          .size = job.launch.size,
          .plan = job.plan(training),
          .seed = static_cast<uint64_t>(job.config.run.seed),
          .first_epoch = training ? job.state.epoch : 0,
          .first_batch = training ? job.state.sums.batches : 0,
          .epochs = training ? job.config.hyperparameters.epochs : 1,
          .threads = job.loader_threads,
          .ahead = static_cast<int>(job.config.run.prefetch_batches),
          .max_pixels = job.config.run.max_pixels,
          .skip_bad = job.config.run.skip_bad_records,
          .label_map = training ? std::vector<int>() : job.data.validation_map};
}

}  // namespace

Trainer::Trainer(Job& job, comm::Communicator& communicator)
    : job_(job),
      communicator_(communicator),
      hyperparameters_(job.config.hyperparameters),
      output_(job.config.run.output),
      schedule_(hyperparameters_.learning_rate, hyperparameters_.lr_scheduler_step,
                hyperparameters_.lr_scheduler_factor, job.steps_per_epoch),
      step_(*job.network, *job.optimizer, communicator, step_options(job)),
      loader_(*job.data.train, job.order, loader_options(job, true)),
      start_(Clock::now()),
      seconds_before_(job.state.seconds) {
  if (leads()) events_ = std::make_unique<track::EventLog>(output_ / "metrics.jsonl", job.state.step);
}

Trainer::~Trainer() = default;

bool Trainer::run() {
  // summary.json is the mark of a finished run; without it a run that ended while writing its last files completes
  // them.
  if (done() && std::filesystem::exists(output_ / "summary.json")) return true;
  if (leads()) std::filesystem::remove(output_ / "summary.json");
  begin_orderly_stop();
  while (!done() && !stopping_) {
    train_epoch();
    if (job_.state.sums.batches == 0) evaluate_epoch();
    save();
  }
  if (!done()) return false;
  finish();
  return true;
}

bool Trainer::done() const {
  return job_.state.epoch >= hyperparameters_.epochs || should_stop_early(job_.state, hyperparameters_);
}

void Trainer::train_epoch() {
  track::Progress progress(cat("epoch ", job_.state.epoch + 1, "/", hyperparameters_.epochs),
                           static_cast<int64_t>(job_.data.train->size()));
  epoch_start_ = Clock::now();
  counted_before_ = job_.state.sums.count;
  bool complete = false;
  while (!complete && !stopping_) {
    const auto batch = loader_.next();
    require(batch.has_value(), ErrorKind::kBug, "the loader ended before the epoch did");
    step(*batch);
    complete = batch->last_of_epoch;
    const EpochSums& sums = job_.state.sums;
    if (leads()) progress.update(sums.count, format("loss %.4f  accuracy %.4f", sums.cross_entropy(), sums.accuracy()));
  }
  progress.finish();
  images_ += job_.state.sums.count - counted_before_;
  if (!complete) return;
  ++job_.state.epoch;
  log_epoch(seconds_since(epoch_start_));
  job_.state.sums = {};
}

void Trainer::step(const data::HostBatch& batch) {
  State& state = job_.state;
  const double learning_rate = schedule_.at(state.step);
  const StepResult result = step_.run(batch, learning_rate, stop_requested());
  require(result.finite, ErrorKind::kData, "the loss of step ", state.step + 1, " (epoch ", batch.epoch + 1, ", batch ",
          batch.index + 1,
          ") is not a finite number; the weights are those before it. Train with a smaller learning_rate");
  ++state.step;
  ++state.sums.batches;
  state.sums.count += result.count;
  state.sums.loss += result.loss;
  state.sums.correct += result.correct;
  state.sums.correct_top_k += result.correct_top_k;
  stopping_ = result.stop_votes > 0;
  log_step(result, learning_rate);
}

void Trainer::log_step(const StepResult& result, double learning_rate) {
  if (!leads() || result.count == 0) return;
  const double speed = static_cast<double>(job_.state.sums.count - counted_before_) / seconds_since(epoch_start_);
  events_->write(track::Event("step")
                     .set("epoch", job_.state.epoch + 1)
                     .set("step", job_.state.step)
                     .set("seconds", elapsed())
                     .set("loss", result.loss / static_cast<double>(result.count))
                     .set("accuracy", result.correct / static_cast<double>(result.count))
                     .set("learning_rate", learning_rate)
                     .set("images_per_second", speed));
  const int64_t batch = job_.state.sums.batches - 1;
  if (batch == 0 || batch % kLogEvery != 0) return;
  const std::string top_k =
      hyperparameters_.top_k && !hyperparameters_.multi_label
          ? format("\ttop_k_accuracy_%d=%f", int(*hyperparameters_.top_k), job_.state.sums.top_k_accuracy())
          : "";
  log::info(format("Epoch[%d] Batch [%d]\tSpeed: %.3f samples/sec\taccuracy=%f", int(job_.state.epoch), int(batch),
                   speed, job_.state.sums.accuracy()),
            top_k);
}

void Trainer::log_epoch(double seconds) {
  if (!leads()) return;
  const auto epoch = static_cast<int>(job_.state.epoch - 1);  // SageMaker counts from 0
  require(job_.state.sums.count > 0, ErrorKind::kData, "epoch ", epoch + 1, ": not one sample could be read");
  track::Event event("epoch");
  event.set("epoch", job_.state.epoch)
      .set("step", job_.state.step)
      .set("seconds", elapsed())
      .set("samples", job_.state.sums.count)
      .set("cross_entropy", job_.state.sums.cross_entropy())
      .set("accuracy", job_.state.sums.accuracy());
  log::info(format("Epoch[%d] Train-accuracy=%f", epoch, job_.state.sums.accuracy()));
  if (hyperparameters_.top_k && !hyperparameters_.multi_label) {
    const auto k = static_cast<int>(*hyperparameters_.top_k);
    event.set(cat("top_k_accuracy_", k), job_.state.sums.top_k_accuracy());
    log::info(format("Epoch[%d] Train-top_k_accuracy_%d=%f", epoch, k, job_.state.sums.top_k_accuracy()));
  }
  log::info(format("Epoch[%d] Time cost=%.3f", epoch, seconds));
  event.set("images_per_second", static_cast<double>(job_.state.sums.count - counted_before_) / seconds)
      .set("seconds_waited_for_data", loader_.seconds_waited())
      .set("seconds_waited_for_ranks", step_.seconds_waited())
      .set("skipped_samples", loader_.skipped());
  events_->write(event);
  if (loader_.skipped() > 0) log::warning(loader_.skipped(), " unreadable samples were left out since this start");
}

void Trainer::evaluate_epoch() {
  bool better = !job_.data.validation;
  if (job_.data.validation) {
    data::Loader loader(*job_.data.validation, validation_order(*job_.data.validation, job_.global_batch()),
                        loader_options(job_, false));
    std::vector<int> top_k;
    if (hyperparameters_.top_k) top_k.push_back(static_cast<int>(*hyperparameters_.top_k));
    track::Metrics metrics(static_cast<int>(*hyperparameters_.num_classes), hyperparameters_.multi_label, top_k);
    validate(*job_.network, loader, communicator_, job_.card, metrics);
    report_ = metrics.report();
    better = record_accuracy(job_.state, report_->accuracy, hyperparameters_);
    if (leads()) {
      log_validation(*report_, job_.state, hyperparameters_, elapsed(), *events_);
      if (better && !hyperparameters_.checkpoint_frequency)
        log::info(format("Storing the best model with validation accuracy: %f", report_->accuracy));
    }
  }
  const auto frequency = hyperparameters_.checkpoint_frequency;
  if (frequency ? job_.state.epoch % *frequency == 0 : better) publish_model(frequency.has_value());
}

void Trainer::publish_model(bool keep_others) {
  if (!leads()) return;
  const model::Artefact artefact{.graph = job_.network->graph(),
                                 .arrays = job_.network->arrays(),
                                 .card = card(),
                                 .epoch = job_.state.epoch,
                                 .batch = hyperparameters_.mini_batch_size};
  model::write_artefact(output_ / "model", artefact, keep_others);
  log::info(format("Saved checkpoint to \"%s/model/image-classification-%04d.params\"", output_.c_str(),
                   int(job_.state.epoch)));
}

model::Card Trainer::card() const {
  model::Card card = job_.card;
  card.origin["epoch"] = std::to_string(job_.state.epoch);
  card.origin["best_epoch"] = std::to_string(job_.state.best_epoch > 0 ? job_.state.best_epoch : job_.state.epoch);
  if (report_) card.origin["validation_accuracy"] = format("%f", report_->accuracy);
  return card;
}

void Trainer::save() {
  const bool due = job_.state.epoch % job_.config.run.checkpoint_every_epochs == 0 || done() || stopping_;
  if (!due || !leads()) return;
  job_.state.seconds = elapsed();
  const auto content =
      to_checkpoint(job_.state, *job_.network, *job_.optimizer, to_yaml(job_.config), model::card_text(card()));
  const auto start = Clock::now();
  const Path path =
      model::checkpoint::save(output_ / "checkpoints", job_.state.step, content, job_.config.run.keep_checkpoints);
  events_->write(track::Event("checkpoint")
                     .set("epoch", job_.state.epoch)
                     .set("step", job_.state.step)
                     .set("seconds", elapsed())
                     .set("path", path.string())
                     .set("seconds_to_save", seconds_since(start)));
}

void Trainer::finish() {
  if (!leads()) return;
  const bool early = job_.state.epoch < hyperparameters_.epochs;
  if (early)
    log::info("Early stopping: no improvement of validation accuracy in the last ", job_.state.stalled, " epochs");
  if (std::filesystem::exists(output_ / "model")) model::pack_artefact(output_ / "model", output_ / "model.tar.gz");
  events_->write(track::Event("stop")
                     .set("epoch", job_.state.epoch)
                     .set("step", job_.state.step)
                     .set("seconds", elapsed())
                     .set("reason", early ? "early_stopping" : "epochs"));
  write_summary(output_ / "summary.json", job_, report_,
                images_ > 0 ? static_cast<double>(images_) / seconds_since(start_) : 0, elapsed());
}

double Trainer::elapsed() const { return seconds_before_ + seconds_since(start_); }

}  // namespace lockstep::train

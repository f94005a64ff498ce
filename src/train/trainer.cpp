#include "trainer.h"

#include <algorithm>
#include <filesystem>

#include "circumstances.h"
#include "early_stopping.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/inspect.h"
#include "lockstep/track/progress.h"
#include "options.h"
#include "stop_signal.h"
#include "summary.h"
#include "validation.h"

namespace lockstep::train {
namespace {

constexpr int64_t kSkipsInARow = 20;  // of float16, before it is given up
constexpr size_t kNamedSamples = 16;  // in an error

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(Job& job, StopWish& wish, comm::Communicator& communicator)
    : job_(job),
      state_(job.state),
      wish_(wish),
      communicator_(communicator),
      hyperparameters_(job.config.hyperparameters),
      output_(job.config.run.output),
      schedule_(schedule_options(job)),
      step_(job.learner, communicator, step_options(job)),
      loader_(*job.data.train, job.order, loader_options(job, true)),
      journal_(job, leads()),
      watch_(communicator, job.config.run.verify_every),
      saver_(output_ / "checkpoints", job.config.run.keep_checkpoints),
      start_(Clock::now()),
      saved_(start_),
      counted_(start_) {}

Trainer::End Trainer::run() try { return train(); } catch (const Error& error) {
  communicator_.abort(error.what());  // before anything else ends: a checkpoint under way may take its time
  if (error.kind() != ErrorKind::kComm) throw;
  fail(ErrorKind::kComm, error.what(), "; this rank was behind step ", state_.step, " in epoch ", state_.epoch + 1);
}

Trainer::End Trainer::train() {
  // summary.json is the mark of a finished run; without it a run that ended while writing its last files completes
  // them.
  if (done() && !state_.evaluation_due && std::filesystem::exists(output_ / "summary.json")) return End::kFinished;
  if (leads()) std::filesystem::remove(output_ / "summary.json");
  while (!stopping_ && (state_.evaluation_due || !(done() || changes_batch()))) {
    if (!state_.evaluation_due) train_epoch();
    if (state_.evaluation_due && !stopping_) evaluate_epoch();
    if (state_.epoch % job_.config.run.checkpoint_every_epochs == 0 || done() || stopping_) save();
  }
  if (state_.evaluation_due || !done()) {
    end_save(true);
    if (stopping_) leave_early();
    return stopping_ ? End::kStopped : End::kNewBatch;
  }
  finish();
  return End::kFinished;
}

bool Trainer::done() const {
  return state_.epoch >= hyperparameters_.epochs || should_stop_early(state_, hyperparameters_);
}

/// run.elastic: keep_local_batch takes the batch of this start's hosts when an epoch begins.
bool Trainer::changes_batch() const {
  return job_.config.run.elastic == "keep_local_batch" && state_.sums.batches == 0 &&
         job_.nominal_batch() != job_.global_batch();
}

void Trainer::train_epoch() {
  track::Progress progress(cat("epoch ", state_.epoch + 1, "/", hyperparameters_.epochs),
                           static_cast<int64_t>(job_.data.train->size()));
  journal_.begin_epoch(step_, loader_);
  const int64_t counted_before = state_.sums.count;
  counted_ = Clock::now();
  bool complete = false;
  while (!complete && !stopping_) {
    const auto batch = loader_.next();
    require(batch.has_value(), ErrorKind::kBug, "the loader ended before the epoch did");
    step_.start(*batch, learning_rate(), wish_.wants());
    complete = batch->last_of_epoch;
    const bool pauses = complete || is_save_due(state_.step + step_.in_flight());
    while (step_.in_flight() > (pauses ? 0 : step_.depth())) count(step_.take());
    if (pauses && !complete) save();
    const EpochSums& sums = state_.sums;
    if (leads()) progress.update(sums.count, format("loss %.4f  accuracy %.4f", sums.cross_entropy(), sums.accuracy()));
  }
  while (step_.in_flight() > 0) count(step_.take());
  progress.finish();
  images_ += state_.sums.count - counted_before;
  if (!complete) return;
  ++state_.epoch;
  journal_.epoch(step_, loader_);
  state_.sums = {};
  state_.evaluation_due = true;
}

/// Of the step that is started next.
double Trainer::learning_rate() const {
  return schedule_.at(state_.epoch * job_.steps_per_epoch + state_.sums.batches + step_.in_flight());
}

void Trainer::count(const StepResult& result) {
  if (result.count > 0) require_applied(result);
  ++state_.step;
  ++state_.sums.batches;
  state_.sums.count += result.count;
  state_.sums.loss += result.loss;
  state_.sums.correct += result.correct;
  state_.sums.correct_top_k += result.correct_top_k;
  stopping_ = stopping_ || result.stop_votes > 0;
  if (stopping_) stop_is_agreed();
  journal_.step(result);
  end_save(false);
  watch_ranks();
}

void Trainer::watch_ranks() {
  const double seconds = seconds_since(counted_), waited = step_.reducer().seconds_waited();
  counted_ = Clock::now();
  wish_.expect(seconds);
  expect_agreement(3 * seconds);
  const std::string slow = watch_.look(state_.step, seconds - (waited - waited_), job_.learner.network->parameters());
  waited_ = waited;
  if (!slow.empty()) log::warning(slow);
}

/// A step that was not applied is an error, but for float16, whose loss scale looks for its place.
void Trainer::require_applied(const StepResult& result) {
  state_.skipped_in_a_row = result.applied ? 0 : state_.skipped_in_a_row + 1;
  if (result.applied) return;
  ++state_.skipped;
  if (job_.learner.scaler && state_.skipped_in_a_row < kSkipsInARow) {
    if (leads())
      log::warning("step ", state_.step + 1, ": the gradient is not finite at a loss scale of ", result.loss_scale,
                   "; the step is skipped");
    return;
  }
  std::vector<std::string> samples;
  for (const int64_t id : result.batch.ids.first(std::min(result.batch.ids.size(), kNamedSamples)))
    samples.push_back(std::to_string(id));
  fail(ErrorKind::kData, "loss or gradient of step ", state_.step + 1, " (epoch ", result.batch.epoch + 1, ", batch ",
       result.batch.index + 1, ") is not finite",
       job_.learner.scaler ? cat(" for the ", kSkipsInARow, "th time in a row") : "",
       "; the weights are those before it. Train with a smaller learning_rate. Rank ", communicator_.rank(),
       " had the samples ", join(samples, ", "), result.batch.ids.size() > kNamedSamples ? ", ..." : "");
}

void Trainer::evaluate_epoch() {
  postpone_agreement();
  const UseAverages averaged(job_.learner);
  bool better = !job_.data.validation;
  if (job_.data.validation) {
    data::Loader loader(*job_.data.validation,
                        validation_order(*job_.data.validation, job_.global_batch(), job_.data.validation_shards),
                        loader_options(job_, false));
    std::vector<int> top_k;
    if (hyperparameters_.top_k) top_k.push_back(static_cast<int>(*hyperparameters_.top_k));
    track::Metrics metrics(static_cast<int>(*hyperparameters_.num_classes), hyperparameters_.multi_label, top_k);
    stopping_ = !validate(*job_.learner.network, loader, communicator_, job_.card, metrics, [this] {
                   return wish_.wants();
                 }).has_value();
    if (stopping_) return stop_is_agreed();
    report_ = metrics.report();
    better = record_accuracy(state_, report_->accuracy, hyperparameters_);
    if (better) state_.best_step = state_.step;
    journal_.validation(*report_, better);
  }
  const auto frequency = hyperparameters_.checkpoint_frequency;
  if (frequency ? state_.epoch % *frequency == 0 : better) publish_model(frequency.has_value());
  state_.evaluation_due = false;
}

void Trainer::publish_model(bool keep_others) {
  if (!leads()) return;
  const model::Artefact made = artefact();
  require_finite(made.arrays, state_.step);
  write(unpublished_, [&] {
    model::write_artefact(output_ / "model", made, keep_others);
    journal_.model(output_ / "model");
    unpublished_.clear();
  });
}

model::Artefact Trainer::artefact() const {
  return {.graph = job_.learner.network->graph(),
          .arrays = job_.learner.network->arrays(),
          .card = card(),
          .epoch = state_.epoch,
          .batch = hyperparameters_.mini_batch_size};
}

/// Of the best epoch so far; before there is one, of the weights as they are. model/ itself stays the best epoch's.
void Trainer::pack_model() const {
  if (!leads()) return;
  const Path archive = output_ / "model.tar.gz";
  if (std::filesystem::exists(output_ / "model")) return model::pack_artefact(output_ / "model", archive);
  const Path folder = output_ / "model.unfinished";
  const UseAverages averaged(job_.learner);
  model::write_artefact(folder, artefact(), false);
  model::pack_artefact(folder, archive);
  std::filesystem::remove_all(folder);
}

model::Card Trainer::card() const {
  model::Card card = job_.card;
  card.origin["epoch"] = std::to_string(state_.epoch);
  card.origin["best_epoch"] = std::to_string(state_.best_epoch > 0 ? state_.best_epoch : state_.epoch);
  if (report_) card.origin["validation_accuracy"] = format("%f", report_->accuracy);
  return card;
}

/// Between two checkpoints that come with epochs.
bool Trainer::is_save_due(int64_t step) const {
  const Run& run = job_.config.run;
  return (run.checkpoint_every_steps > 0 && step % run.checkpoint_every_steps == 0) ||
         (run.checkpoint_every_minutes > 0 && seconds_since(saved_) > 60 * run.checkpoint_every_minutes);
}

/// The snapshot is taken here, the rest happens beside the next steps.
void Trainer::save() {
  saved_ = Clock::now();
  postpone_agreement();
  if (!leads()) return;
  end_save(true);
  state_.seconds = journal_.elapsed();
  auto content = to_checkpoint(state_, job_.learner, to_yaml(job_.config), model::card_text(card()));
  content.texts["circumstances.json"] = circumstances_text(job_);
  saver_.start(state_.step, std::move(content),
               state_.best_step > 0 ? std::vector<int64_t>{state_.best_step} : std::vector<int64_t>());
  stalled_ = seconds_since(saved_);
}

/// Reports a save that has ended.
void Trainer::end_save(bool waits) {
  write(unsaved_, [&] {
    const auto saved = waits ? saver_.finish() : saver_.poll();
    if (!saved) return;
    journal_.checkpoint(*saved, stalled_);
    got_on_ = true;
    unsaved_.clear();
  });
}

/// A disk that fails ends the run or does not, as run.on_save_error says.
void Trainer::write(std::string& failure, const std::function<void()>& action) try {
  action();
} catch (const Error& error) {
  if (error.kind() != ErrorKind::kIo || job_.config.run.on_save_error == "stop") throw;
  failure = error.what();
  log::error(failure, "; the run goes on, and tries again the next time");
}

/// With a complete checkpoint. That the archive could not be written must not hide that the run can go on.
void Trainer::leave_early() {
  require(unsaved_.empty(), ErrorKind::kIo, "the run was to stop, and its last steps could not be saved: ", unsaved_);
  try {
    pack_model();
  } catch (const Error& error) {
    log::warning(error.what(), "; the checkpoint is complete, and the run can go on");
  }
  journal_.stop(wish_.reason().empty() ? "another rank's wish" : wish_.reason());
}

void Trainer::finish() {
  stop_is_agreed();  // nothing is left to agree on, and the last files may take their time
  // A run that began at another run's last checkpoint has written nothing yet.
  end_save(true);
  if (leads() && !std::filesystem::exists(output_ / "checkpoints" / "latest")) save();
  if (leads() && !std::filesystem::exists(output_ / "model")) {
    const UseAverages averaged(job_.learner);
    publish_model(false);
  }
  end_save(true);
  require(unsaved_.empty() && unpublished_.empty(), ErrorKind::kIo,
          "every epoch is trained, but not everything could be written: ", unsaved_.empty() ? unpublished_ : unsaved_,
          "; make room and start again with the same command");
  pack_model();
  if (!leads()) return;
  const std::string obstacle = model::inspect(output_ / "model").cannot_continue;
  log::info("SageMaker's image-classification algorithm ",
            obstacle.empty() ? "can go on with model.tar.gz" : "cannot go on with model.tar.gz: " + obstacle);
  const bool early = state_.epoch < hyperparameters_.epochs;
  if (early) log::info("Early stopping: no improvement of validation accuracy in the last ", state_.stalled, " epochs");
  journal_.stop(early ? "early_stopping" : "epochs");
  write_summary(output_ / "summary.json", job_, report_,
                images_ > 0 ? static_cast<double>(images_) / seconds_since(start_) : 0, journal_.elapsed());
}

}  // namespace lockstep::train

#include "summary.h"

namespace lockstep::train {
namespace {

track::Event scores(const track::Score& score) {
  track::Event event;
  return event.set("precision", score.precision).set("recall", score.recall).set("f1", score.f1);
}

}  // namespace

void set_figures(track::Event& event, const track::Report& report) {
  event.set("count", report.count).set("cross_entropy", report.cross_entropy).set("accuracy", report.accuracy);
  for (const auto& [k, accuracy] : report.top_k)
    if (k > 1) event.set(cat("top_k_accuracy_", k), accuracy);
  event.set("micro", scores(report.micro)).set("macro", scores(report.macro));
}

void write_summary(const Path& path, const Job& job, const std::optional<track::Report>& report,
                   double images_per_second, double seconds) {
  track::Event summary;
  summary.set("status", job.state.epoch < job.config.hyperparameters.epochs ? "stopped early" : "completed")
      .set("epochs", job.state.epoch)
      .set("steps", job.state.step)
      .set("best_epoch", job.state.best_epoch);
  if (job.state.best_accuracy >= 0) summary.set("best_validation_accuracy", job.state.best_accuracy);
  track::Event validation;
  if (report) set_figures(validation, *report);
  summary.set("validation", validation)
      .set("images_per_second", images_per_second)
      .set("seconds", seconds)
      .set("world_size", job.launch.size);
  write_atomic(path, summary.json(2) + "\n");
}

}  // namespace lockstep::train

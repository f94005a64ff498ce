#include "options.h"

#include "lockstep/comm/gpu.h"

namespace lockstep::train {

StepOptions step_options(const Job& job) {
  const auto& h = job.config.hyperparameters;
  const Run& run = job.config.run;
  StepOptions options{.global_batch = job.global_batch(),
                      .micro_batch = job.micro_batch,
                      .mode = run.freeze_batch_norm ? nn::Mode::kFrozen : nn::Mode::kTrain,
                      .multi_label = h.multi_label,
                      .loss = {.label_smoothing = run.label_smoothing, .class_weights = job.class_weights},
                      .clip_gradient_norm = run.clip_gradient_norm,
                      .card = job.card,
                      .top_k = static_cast<int>(h.top_k.value_or(1)),
                      .bucket_bytes = run.bucket_bytes,
                      .record = choose_record(run, job.compute.gpu, !job.order.shards.samples.empty())};
  if (h.use_weighted_loss && h.multi_label)
    options.loss.weights = nn::label_weights({job.data.facts.class_counts.begin(), job.data.facts.class_counts.end()},
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
          .label_map = training ? job.data.train_map : job.data.validation_map,
          .allocate = job.compute.gpu < 0 ? data::plain_memory() : comm::pinned_memory,
          .adapts = job.config.run.loader_threads == 0,
          .cache = job.cache,
          .cached_from = training ? 0 : job.data.train->size()};
}

}  // namespace lockstep::train

#include "job.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "gpu.h"
#include "initial_model.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/class_weights.h"
#include "lockstep/data/loader.h"
#include "lockstep/data/rank_sampler.h"
#include "micro_batch.h"
#include "resume.h"

namespace lockstep::train {
namespace {

/// Ranks that were started differently would train nonsense or wait for each other for ever.
void compare_configs(const Config& config, comm::Communicator& communicator) {
  const auto all = comm::gather_texts(communicator, to_yaml(config));
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    std::vector<std::string> texts;
    for (const Difference& each :
         differences(load_config_text(all[0], "rank 0").config, load_config_text(all[rank], cat("rank ", rank)).config))
      texts.push_back(cat(each.key, ": ", each.before, " on rank 0, ", each.after, " on rank ", rank));
    fail(ErrorKind::kUsage, "the ranks do not run the same thing: ", join(texts, "; "),
         "; give every host the same files and the same command");
  }
}

/// What the run goes on from or begins with says of itself.
std::optional<ModelFacts> model_facts(const std::optional<Resume>& from, const std::optional<InitialModel>& initial) {
  if (initial) return initial->facts();
  if (!from) return std::nullopt;
  ModelFacts facts = facts_of(from->card());
  facts.name = "the checkpoint of this run";
  return facts;
}

model::Card make_card(const Config& config, const std::vector<std::string>& classes) {
  const auto& h = config.hyperparameters;
  return {.network = config.run.network,
          .num_layers = h.num_layers,
          .channels = h.image_shape.channels,
          .height = h.image_shape.height,
          .width = h.image_shape.width,
          .classes = classes,
          .multi_label = h.multi_label,
          .resize = h.resize.value_or(0),
          .mean = config.run.pixel_mean,
          .std = config.run.pixel_std,
          .interpolation = config.run.interpolation,
          .top_k = h.top_k.value_or(0),
          .origin = {{"trainer", "lockstep"}}};
}

/// The averages begin with the weights that the run begins with.
void begin_averages(Learner& learner, double decay) {
  if (decay == 0) return;
  learner.average_parameters.emplace(learner.network->parameters(), decay);
  learner.average_statistics.emplace(learner.network->statistics(), decay);
}

data::SamplerOptions training_order(const Job& job) {
  const Run& run = job.config.run;
  data::SamplerOptions options{.samples = static_cast<int64_t>(job.data.train->size()),
                               .global_batch = job.global_batch(),
                               .seed = static_cast<uint64_t>(run.seed),
                               .order = run.sampler == "balanced"     ? data::Order::kBalanced
                                        : run.sampler == "sequential" ? data::Order::kSequential
                                                                      : data::Order::kShuffle,
                               .drop_last = run.last_batch == "drop",
                               .labels = {},
                               .shards = job.data.train_shards};
  if (options.order != data::Order::kBalanced) return options;
  require(!job.config.hyperparameters.multi_label, ErrorKind::kUsage,
          "run.sampler: balanced needs one label a sample, not multi_label");
  std::vector<float> labels;
  for (size_t i = 0; i < job.data.train->size(); ++i) {
    try {
      job.data.train->read_labels(i, labels);
    } catch (const Error& error) {
      // survey() has said whether it may be skipped.
      if (error.kind() != ErrorKind::kData || run.skip_bad_records == 0) throw;
      labels.assign(1, -1);
    }
    options.labels.push_back(static_cast<int>(labels.front()));
  }
  return options;
}

std::vector<double> weights_of_classes(const Job& job) {
  DatasetFacts facts = job.data.facts;
  facts.classes = *job.config.hyperparameters.num_classes;
  return data::class_weights(job.config.run.class_weights, facts);
}

/// This rank's part of what the host may use.
std::shared_ptr<data::PictureCache> make_cache(const Job& job) {
  const std::string& wanted = job.config.run.cache;
  if (wanted.empty()) return nullptr;
  const size_t pictures = job.data.train->size() + (job.data.validation ? job.data.validation->size() : 0);
  const auto ranks = static_cast<uint64_t>(job.launch.local_size);
  return std::make_shared<data::PictureCache>(pictures, data::parse_cache_bytes(wanted) / ranks);
}

/// The batch of a run that begins, or that goes on with other hosts as run.elastic says.
void begin_batch(Job& job) {
  State& state = job.state;
  const int64_t nominal = job.nominal_batch();
  if (state.global_batch == 0) state.global_batch = state.first_global_batch = nominal;
  const bool keeps = job.config.run.elastic == "keep_global_batch";
  if (state.global_batch != nominal)
    job.notes.push_back(cat("this start has ", job.launch.hosts(), " host(s), which makes ", nominal,
                            " samples a step; the run has ", state.global_batch, "; run.elastic: ",
                            keeps ? "keep_global_batch leaves batch and learning rate as they are"
                                  : "keep_local_batch takes the new batch from the next epoch on, and a learning rate "
                                    "scaled with it"));
  set_batch(job, keeps || state.sums.batches > 0 ? state.global_batch : nominal);
}

}  // namespace

std::string choose_backend(const Run& run, const comm::Launch& launch) {
  if (run.backend != "auto" || launch.size == 1 || run.device == "cpu") return run.backend;
  return comm::visible_gpus() > 0 ? "nccl" : "auto";
}

nn::Compute choose_compute(const Config& config, comm::Communicator& communicator, std::vector<std::string>& notes) {
  nn::Compute compute;
  const bool has_gpu = comm::visible_gpus() > 0;
  require(
      config.run.device != "cuda" || has_gpu, ErrorKind::kDevice,
      "run.device: cuda: no GPU can be used here (no driver, none visible, or a program that was built without CUDA: "
      "launch/setup --cuda); use run.device=cpu");
  if (has_gpu && config.run.device != "cpu") {
    compute.gpu = comm::choose_gpu(communicator.launch(), communicator);
    use_gpu(compute.gpu, config.run.deterministic);
    compute.plain = config.run.gpu_step == "plain";
  }
  const std::string& precision = config.hyperparameters.precision_dtype;
  if (precision == "bfloat16") {
    compute.precision = nn::Precision::kBfloat16;
    if (compute.gpu < 0 && !nn::has_bfloat16())
      notes.emplace_back("precision_dtype: this processor has no bfloat16 arithmetic; float32 would be faster");
  } else if (precision == "float16" && compute.gpu >= 0) {
    compute.precision = nn::Precision::kFloat16;
  } else if (precision == "float16") {
    notes.emplace_back("precision_dtype: float16 needs a GPU; this run computes in float32 (bfloat16 works on CPUs)");
  }
  return compute;
}

optim::ScheduleOptions schedule_options(const Job& job) {
  const auto& h = job.config.hyperparameters;
  const Run& run = job.config.run;
  int64_t meant_for = run.learning_rate_batch;
  if (meant_for == 0 && run.elastic == "keep_local_batch") meant_for = job.state.first_global_batch;
  const double scale = meant_for > 0 ? static_cast<double>(job.global_batch()) / static_cast<double>(meant_for) : 1;
  return {.rate = h.learning_rate * scale,
          .steps_per_epoch = job.steps_per_epoch,
          .epochs = h.epochs,
          .shape = run.lr_schedule,
          .drop_after_epochs = h.lr_scheduler_step,
          .factor = h.lr_scheduler_factor,
          .power = run.lr_power,
          .final_rate = run.final_learning_rate,
          .warmup_epochs = run.warmup_epochs};
}

int cores_of_rank(const comm::Launch& launch) { return cores_of_process(launch.local_size); }

image::PlanOptions Job::plan(bool training) const { return data::plan_options(config, training); }

void set_batch(Job& job, int64_t global_batch) {
  job.state.global_batch = global_batch;
  job.order = training_order(job);
  const data::RankSampler sampler(job.order, job.launch.rank, job.launch.size);
  job.steps_per_epoch = sampler.batches();
  if (const std::string shards = sampler.describe(); !shards.empty())
    job.notes.push_back(shards);
  else if (sampler.dropped() > 0)
    job.notes.push_back(cat("last_batch: drop leaves ", sampler.dropped(), " of ", job.data.train->size(),
                            " samples out of each epoch"));
}

Job prepare(const LoadedConfig& loaded, comm::Communicator& communicator) {
  Job job;
  job.launch = communicator.launch();
  const int cores = cores_of_rank(job.launch);
  job.threads = loaded.config.run.compute_threads > 0 ? static_cast<int>(loaded.config.run.compute_threads) : cores;
  job.loader_threads =
      loaded.config.run.loader_threads > 0 ? static_cast<int>(loaded.config.run.loader_threads) : cores;
  at::set_num_threads(job.threads);

  compare_configs(loaded.config, communicator);
  job.data = open_train(loaded.config, job.loader_threads, communicator);
  const auto from = find_resume(loaded.config, communicator);
  const auto initial = from ? std::nullopt : open_initial_model(loaded.config);
  const auto own_names = job.data.facts.class_names;
  name_classes(job.data, from      ? from->card().classes
                         : initial ? initial->classes(loaded.config.run, own_names)
                                   : own_names);
  if (initial && loaded.config.run.grow_classes)
    job.data.facts.classes = std::max(job.data.facts.classes, initial->facts().num_classes);
  open_validation(job.data, loaded.config, job.loader_threads, communicator);
  compare_data(job.data, communicator);

  LoadedConfig resolved = resolve(loaded.config, job.data.facts, model_facts(from, initial));
  job.config = std::move(resolved.config);
  job.notes = loaded.warnings;
  job.notes.insert(job.notes.end(), resolved.warnings.begin(), resolved.warnings.end());
  job.class_weights = weights_of_classes(job);
  if (!job.class_weights.empty() && job.config.run.sampler == "balanced")
    job.notes.emplace_back(
        "run.class_weights and run.sampler: balanced both favour rare classes; one of them is enough");
  job.cache = make_cache(job);
  job.card = make_card(job.config, job.data.facts.class_names);
  job.compute = choose_compute(job.config, communicator, job.notes);

  job.learner = build_learner(job.config,
                              from      ? from->graph()
                              : initial ? initial->graph(job.config)
                                        : make_graph(job.config),
                              job.compute);
  if (initial) initial->load_into(*job.learner.network, job.config.run, job.card.classes, job.notes);
  begin_averages(job.learner, job.config.run.ema_decay);
  if (from) resume(job, *from, communicator);
  begin_batch(job);
  job.micro_batch = choose_micro_batch(job.config.run.micro_batch, *job.learner.network, job.compute.precision,
                                       job.share(), communicator);
  return job;
}

}  // namespace lockstep::train

#include "job.h"

#include <algorithm>
#include <thread>

#include <ATen/Parallel.h>

#include "gpu.h"
#include "initial_model.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/sampler.h"
#include "micro_batch.h"
#include "resume.h"

namespace lockstep::train {
namespace {

data::DatasetOptions train_options(const Config& config) {
  return {.channel = config.channels.train,
          .list = config.channels.train_lst,
          .multi_label = config.hyperparameters.multi_label,
          .classes = config.hyperparameters.num_classes.value_or(0)};
}

Data open_train(const Config& config, int threads) {
  Data data;
  data.train = data::open_dataset(train_options(config));
  data.facts = data::survey(*data.train, config.hyperparameters.multi_label, threads, config.run.skip_bad_records);
  return data;
}

/// Its classes are those of the run, by name where there are names.
void open_validation(Data& data, const Config& config, int threads) {
  if (!config.channels.validation.given()) return;
  data::DatasetOptions options = train_options(config);
  options.channel = config.channels.validation;
  options.list = config.channels.validation_lst;
  options.classes = data.facts.classes;
  options.role = "validation";
  options.class_names = data.facts.class_names;
  data.validation = data::open_dataset(options);
  data.validation_map = data::map_classes(data.validation->class_names(), data.facts.class_names);
  const DatasetFacts facts =
      data::survey(*data.validation, config.hyperparameters.multi_label, threads, config.run.skip_bad_records);
  require(!data.validation_map.empty() ||
              facts.classes <= std::max(data.facts.classes, config.hyperparameters.num_classes.value_or(0)),
          ErrorKind::kData, "channels.validation: has ", facts.classes, " classes, channels.train has ",
          data.facts.classes, "; both must use the same labels");
}

/// Ranks that were started differently would train nonsense or wait for each other for ever.
void compare_ranks(const Config& config, const Data& data, comm::Communicator& communicator) {
  const std::string mine =
      cat("configuration ", hash_text(hash(to_yaml(config))), ", training data ",
          hash_text(data::fingerprint(*data.train)), " (", data.train->size(), " samples)",
          data.validation ? cat(", validation data ", hash_text(data::fingerprint(*data.validation))) : "");
  const auto all = comm::gather_texts(communicator, mine);
  for (size_t rank = 1; rank < all.size(); ++rank)
    require(all[rank] == all[0], ErrorKind::kUsage, "the ranks do not run the same thing: rank 0 has ", all[0],
            "; rank ", rank, " has ", all[rank], "; give every host the same files and the same command");
}

/// Classes get the labels that they have in this run: those of `names`, where they have names.
void name_classes(Data& data, const std::vector<std::string>& names) {
  data.train_map = data::map_classes(data.train->class_names(), names);
  data.facts.class_names = names;
  data.facts.classes = std::max(data.facts.classes, static_cast<int64_t>(names.size()));
  if (data.train_map.empty()) return;
  std::vector<int64_t> counts(names.size());
  for (size_t label = 0; label < data.facts.class_counts.size(); ++label)
    counts[static_cast<size_t>(data.train_map[label])] = data.facts.class_counts[label];
  data.facts.class_counts = std::move(counts);
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
                               .labels = {}};
  if (options.order != data::Order::kBalanced) return options;
  require(!job.config.hyperparameters.multi_label, ErrorKind::kUsage,
          "run.sampler: balanced needs one label a sample, not multi_label");
  std::vector<float> labels;
  for (size_t i = 0; i < job.data.train->size(); ++i) {
    job.data.train->read_labels(i, labels);
    options.labels.push_back(static_cast<int>(labels.front()));
  }
  return options;
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

int cores_of_rank(const comm::Launch& launch) {
  const int cores = available_cores();
  const bool everywhere = cores >= static_cast<int>(std::thread::hardware_concurrency());
  return everywhere ? std::max(1, cores / launch.local_size) : cores;
}

image::PlanOptions Job::plan(bool training) const {
  const auto& h = config.hyperparameters;
  return {.channels = h.image_shape.channels,
          .height = h.image_shape.height,
          .width = h.image_shape.width,
          .resize = static_cast<int>(h.resize.value_or(0)),
          .augmentation = training ? image::parse_augmentation(h.augmentation_type) : image::Augmentation::kNone,
          .refuse_small = config.run.small_pictures == "refuse"};
}

void set_batch(Job& job, int64_t global_batch) {
  job.state.global_batch = global_batch;
  job.order = training_order(job);
  const data::Sampler sampler(job.order);
  job.steps_per_epoch = sampler.batches();
  if (sampler.dropped() > 0)
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

  job.data = open_train(loaded.config, job.loader_threads);
  const auto from = find_resume(loaded.config, communicator);
  const auto initial = from ? std::nullopt : open_initial_model(loaded.config);
  const auto own_names = job.data.train->class_names();
  name_classes(job.data, from      ? from->card().classes
                         : initial ? initial->classes(loaded.config.run, own_names)
                                   : own_names);
  if (initial && loaded.config.run.grow_classes)
    job.data.facts.classes = std::max(job.data.facts.classes, initial->facts().num_classes);
  open_validation(job.data, loaded.config, job.loader_threads);
  compare_ranks(loaded.config, job.data, communicator);

  LoadedConfig resolved = resolve(loaded.config, job.data.facts, model_facts(from, initial));
  job.config = std::move(resolved.config);
  job.notes = loaded.warnings;
  job.notes.insert(job.notes.end(), resolved.warnings.begin(), resolved.warnings.end());
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

#include "job.h"

#include <algorithm>
#include <thread>

#include <ATen/Parallel.h>

#include "gpu.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/sampler.h"
#include "lockstep/model/artefact.h"
#include "micro_batch.h"
#include "resume.h"

namespace lockstep::train {
namespace {

Data open_data(const Config& config, int threads) {
  const auto& hyperparameters = config.hyperparameters;
  data::DatasetOptions options{.channel = config.channels.train,
                               .list = config.channels.train_lst,
                               .multi_label = hyperparameters.multi_label,
                               .classes = hyperparameters.num_classes.value_or(0)};
  Data data;
  data.train = data::open_dataset(options);
  data.facts = data::survey(*data.train, hyperparameters.multi_label, threads, config.run.skip_bad_records);
  if (!config.channels.validation.given()) return data;

  options.channel = config.channels.validation;
  options.list = config.channels.validation_lst;
  options.classes = data.facts.classes;
  options.role = "validation";
  options.class_names = data.train->class_names();
  data.validation = data::open_dataset(options);
  data.validation_map = data::map_classes(data.validation->class_names(), data.train->class_names());
  const DatasetFacts facts =
      data::survey(*data.validation, hyperparameters.multi_label, threads, config.run.skip_bad_records);
  require(!data.validation_map.empty() ||
              facts.classes <= std::max(data.facts.classes, hyperparameters.num_classes.value_or(0)),
          ErrorKind::kData, "channels.validation: has ", facts.classes, " classes, channels.train has ",
          data.facts.classes, "; both must use the same labels");
  return data;
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

std::optional<model::Artefact> open_model(const Config& config) {
  if (!config.channels.model.given()) {
    require(!config.hyperparameters.use_pretrained_model, ErrorKind::kUsage,
            "use_pretrained_model: 1 needs weights, and none come with the program: name them with channels.model");
    return std::nullopt;
  }
  return model::read_artefact(config.channels.model.paths.front());
}

ModelFacts facts_of(const model::Card& card, int64_t classes) {
  ModelFacts facts{.network = card.network, .num_classes = classes};
  if (card.num_layers > 0) facts.num_layers = card.num_layers;
  facts.image_shape =
      ImageShape{static_cast<int>(card.channels), static_cast<int>(card.height), static_cast<int>(card.width)};
  return facts;
}

/// The model that the run starts from, or whose checkpoint it goes on from.
std::optional<ModelFacts> model_facts(const std::optional<Resume>& from, const std::optional<model::Artefact>& artefact,
                                      const DatasetFacts& data) {
  if (from)
    return facts_of(model::parse_card(from->content.texts.at("card.json"), (from->path / "card.json").string()),
                    data.classes);
  if (artefact) return facts_of(artefact->card, model::find_output(artefact->graph).classes);
  return std::nullopt;
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
          .top_k = h.top_k.value_or(0),
          .origin = {{"trainer", "lockstep"}}};
}

std::unique_ptr<nn::Network> build_network(const Config& config, nn::Compute compute) {
  const model::NetworkOptions options = network_options(config, config.hyperparameters.num_classes.value());
  return std::make_unique<nn::Network>(model::make_network(config.run.network, options),
                                       model::Shape{1, options.channels, options.height, options.width},
                                       static_cast<uint64_t>(config.run.seed), compute);
}

std::unique_ptr<optim::Optimizer> build_optimizer(const Config& config, nn::Network& network) {
  std::vector<optim::Piece> pieces;
  bool follows = false;  // a segment that is updated
  for (const nn::Segment& segment : network.segments()) {
    const bool decays = segment.decays && (config.run.decay_batch_norm || !segment.name.ends_with("_gamma"));
    const bool joins =
        !segment.fixed && follows && pieces.back().decays == decays && pieces.back().rate_factor == segment.rate_factor;
    if (joins)
      pieces.back().end = segment.end;  // the zeros between stay zeros under every rule
    else if (!segment.fixed)
      pieces.push_back({segment.begin, segment.end, decays, segment.rate_factor});
    follows = !segment.fixed;
  }
  const auto& h = config.hyperparameters;
  return optim::make_optimizer(h.optimizer, std::move(pieces), network.parameters(),
                               {.momentum = h.momentum,
                                .weight_decay = h.weight_decay,
                                .beta_1 = h.beta_1,
                                .beta_2 = h.beta_2,
                                .eps = h.eps,
                                .gamma = h.gamma,
                                .decay_all = config.run.weight_decay_all});
}

/// The averages begin with the weights that the run begins with.
void begin_averages(Learner& learner, double decay) {
  if (decay == 0) return;
  learner.average_parameters.emplace(learner.network->parameters(), decay);
  learner.average_statistics.emplace(learner.network->statistics(), decay);
}

void start_from_model(Job& job, const model::Artefact& artefact) {
  nn::Network& network = *job.learner.network;
  auto missing = network.load(artefact.arrays);
  if (job.config.hyperparameters.use_pretrained_model) {  // the last layer is new
    const auto& graph = network.graph();
    const std::string last = "arg:" + graph.nodes[static_cast<size_t>(model::find_output(graph).logits)].name + "_";
    std::erase_if(missing, [&](const std::string& reason) { return reason.starts_with(last); });
  }
  require(missing.empty(), ErrorKind::kData, artefact.source,
          ": does not fit the network of this run: ", join(missing, "; "));
  const auto& classes = artefact.card.classes;
  require(classes.empty() || job.card.classes.empty() || classes == job.card.classes, ErrorKind::kData, artefact.source,
          ": was trained on the classes ", join(classes, ", "), "; this run has ", join(job.card.classes, ", "));
  if (job.card.classes.empty()) job.card.classes = classes;
  job.notes.push_back(
      cat("weights and statistics come from ", artefact.source, "; optimizer, epochs and rates start anew"));
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

model::NetworkOptions network_options(const Config& config, int64_t classes) {
  const auto& h = config.hyperparameters;
  return {.num_layers = h.num_layers,
          .classes = h.num_classes.value_or(classes),
          .channels = h.image_shape.channels,
          .height = h.image_shape.height,
          .width = h.image_shape.width,
          .multi_label = h.multi_label};
}

Learner build_learner(const Config& config, nn::Compute compute) {
  Learner learner;
  learner.network = build_network(config, compute);
  learner.optimizer = build_optimizer(config, *learner.network);
  if (compute.precision == nn::Precision::kFloat16)
    learner.scaler.emplace(learner.network->parameters(), config.run.loss_scale);
  return learner;
}

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

  job.data = open_data(loaded.config, job.loader_threads);
  compare_ranks(loaded.config, job.data, communicator);
  const auto from = find_resume(loaded.config, communicator);
  const auto artefact = from ? std::nullopt : open_model(loaded.config);
  LoadedConfig resolved = resolve(loaded.config, job.data.facts, model_facts(from, artefact, job.data.facts));
  job.config = std::move(resolved.config);
  job.notes = loaded.warnings;
  job.notes.insert(job.notes.end(), resolved.warnings.begin(), resolved.warnings.end());
  job.card = make_card(job.config, job.data.train->class_names());
  job.compute = choose_compute(job.config, communicator, job.notes);

  job.learner = build_learner(job.config, job.compute);
  if (artefact) start_from_model(job, *artefact);
  begin_averages(job.learner, job.config.run.ema_decay);
  if (from) resume(job, *from, communicator);
  begin_batch(job);
  job.micro_batch = choose_micro_batch(job.config.run.micro_batch, *job.learner.network, job.compute.precision,
                                       job.share(), communicator);
  return job;
}

}  // namespace lockstep::train

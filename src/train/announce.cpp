#include "announce.h"

#include "lockstep/comm/gpu.h"
#include "lockstep/config/sagemaker.h"
#include "lockstep/core/log.h"
#include "lockstep/model/network.h"
#include "micro_batch.h"

namespace lockstep::train {
namespace {

constexpr double kProgramBytes = 210e6;  // the program with its libraries, as measured

std::string shape_text(const ImageShape& shape) { return cat(shape.channels, ",", shape.height, ",", shape.width); }

/// SageMaker's block, in its order. Numbers as Python prints them.
void log_parameters(const Job& job) {
  const auto& h = job.config.hyperparameters;
  log::info("---- Parameters ----");
  log::info("num_layers: ", h.num_layers);
  log::info("data type: <type 'numpy.", h.precision_dtype, "'>");
  log::info("epochs: ", h.epochs);
  if (h.resize) log::info("image resize size: ", *h.resize);
  log::info("optimizer: ", h.optimizer);
  if (h.optimizer == "sgd" || h.optimizer == "nag" || h.optimizer == "sgd_torch") {
    log::info("momentum: ", h.momentum);
    log::info("weight_decay: ", h.weight_decay);
  } else if (h.optimizer == "adam") {
    log::info("beta_1: ", h.beta_1);
    log::info("beta_2: ", h.beta_2);
    log::info("eps: ", h.eps);
  } else {
    log::info("gamma: ", h.gamma);
    log::info("eps: ", h.eps);
  }
  log::info("learning_rate: ", h.learning_rate);
  if (!h.lr_scheduler_step.empty()) {
    std::vector<std::string> steps;
    for (const int64_t step : h.lr_scheduler_step) steps.push_back(std::to_string(step));
    log::info("lr_scheduler_step: ", join(steps, ","));
    log::info("lr_scheduler_factor: ", h.lr_scheduler_factor);
  }
  log::info("num_training_samples: ", *h.num_training_samples);
  log::info("mini_batch_size: ", h.mini_batch_size);
  log::info("image_shape: ", shape_text(h.image_shape));
  log::info("num_classes: ", *h.num_classes);
  log::info("augmentation_type: ", h.augmentation_type == "none" ? "None" : h.augmentation_type);
  log::info("kv_store: ", job.launch.hosts() > 1 ? "dist_sync" : "device");
  if (h.top_k) log::info("top_k: ", *h.top_k);
  if (h.checkpoint_frequency)
    log::info("checkpoint_frequency: ", *h.checkpoint_frequency);
  else
    log::info("checkpoint_frequency not set, will store the best model");
  log::info("--------------------");
}

std::string compute_text(const nn::Compute& compute) {
  const char* const precision = compute.precision == nn::Precision::kFloat32    ? "float32"
                                : compute.precision == nn::Precision::kBfloat16 ? "bfloat16 with float32 weights"
                                                                                : "float16 with float32 weights";
  return cat(precision, compute.gpu < 0 ? std::string(" on the CPU") : " on " + comm::describe_gpu(compute.gpu));
}

std::string cache_text(const Job& job) {
  const int64_t fit = data::pictures_that_fit(
      *job.data.train, job.cache->budget(), job.config.hyperparameters.image_shape.channels, job.config.run.max_pixels);
  return cat("run.cache: ", bytes_text(static_cast<double>(job.cache->budget())),
             " of each rank for decoded pictures; ", fit, " of ", job.data.train->size(),
             " training pictures fit, by the headers of a few");
}

}  // namespace

void announce(const Job& job) {
  for (const std::string& note : job.notes) log::warning(note);
  log::info("ranks: ", job.launch.size, " on ", job.launch.hosts(), " host(s), global batch ", job.global_batch(), ", ",
            job.steps_per_epoch, " steps an epoch");
  log::info("use_pretrained_model: ", job.config.hyperparameters.use_pretrained_model ? 1 : 0);
  log::info("multi_label: ", job.config.hyperparameters.multi_label ? 1 : 0);
  log_parameters(job);
  if (const auto beyond = to_sagemaker(job.config).beyond; !beyond.empty())
    log::info("hyperparameters.json is for SageMaker's algorithm, which has no word for ", join(beyond, "; "));
  log::info("Setting number of threads: ", job.threads);
  log::info("computing in ", compute_text(job.compute));
  if (job.cache) log::info(cache_text(job));
}

std::string plan_text(const Job& job) {
  const model::Facts& facts = job.learner.network->facts();
  const auto& shape = job.config.hyperparameters.image_shape;
  const int64_t share = job.share(), at_once = job.micro_batch > 0 ? std::min(job.micro_batch, share) : share;
  const auto parameters = static_cast<double>(job.learner.network->parameter_count());
  const double copies = 2 + static_cast<double>(job.learner.optimizer->moments().size()) +
                        (job.learner.average_parameters ? 1 : 0) +
                        (job.compute.precision == nn::Precision::kFloat32 ? 0 : 0.5);
  const double weights = 4 * parameters * copies;
  const double activations = bytes_per_sample(facts, job.compute.precision) * static_cast<double>(at_once);
  const double pixels = static_cast<double>(share * shape.channels * shape.height * shape.width) *
                        static_cast<double>(job.config.run.prefetch_batches + 2);
  std::string text = origins_table(job.config);
  for (const std::string& note : job.notes) text += "note: " + note + "\n";
  text += cat("network: ", job.config.run.network, " with ", format("%.0f", parameters), " parameters, ",
              format("%.2f", static_cast<double>(facts.flops) / 1e9), " GFLOP a picture forward, in ",
              compute_text(job.compute), "\n");
  text +=
      cat("samples: ", job.data.facts.samples, " to train on, ", job.data.validation ? job.data.validation->size() : 0,
          " to validate; ", job.data.facts.classes, " classes\n");
  text += cat("steps: ", job.steps_per_epoch, " an epoch, ", job.steps_per_epoch * job.config.hyperparameters.epochs,
              " in all; global batch ", job.global_batch(), " over ", job.launch.size, " rank(s)\n");
  text += cat("memory of a rank: about ", bytes_text(weights + activations + pixels + kProgramBytes),
              " (weights and moments ", bytes_text(weights), ", activations ", bytes_text(activations), ", pictures ",
              bytes_text(pixels), ", program and libraries ", bytes_text(kProgramBytes), ")\n");
  return text;
}

}  // namespace lockstep::train

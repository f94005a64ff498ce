#include "announce.h"

#include "lockstep/core/log.h"
#include "lockstep/model/network.h"

namespace lockstep::train {
namespace {

// Measured with ResNet-18 at 112 x 112 and batches of 16 and 48: beside what backward needs, its own results on the way
// down; and the program with its libraries.
constexpr double kActivationsInUse = 1.7;
constexpr double kProgramBytes = 210e6;

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
  if (h.optimizer == "sgd" || h.optimizer == "nag") {
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

}  // namespace

void announce(const Job& job) {
  for (const std::string& note : job.notes) log::warning(note);
  log::info("ranks: ", job.launch.size, " on ", job.launch.hosts(), " host(s), global batch ", job.global_batch(), ", ",
            job.steps_per_epoch, " steps an epoch");
  log::info("use_pretrained_model: ", job.config.hyperparameters.use_pretrained_model ? 1 : 0);
  log::info("multi_label: ", job.config.hyperparameters.multi_label ? 1 : 0);
  log_parameters(job);
  log::info("Setting number of threads: ", job.threads);
}

std::string plan_text(const Job& job) {
  const model::Facts& facts = job.network->facts();
  const auto& shape = job.config.hyperparameters.image_shape;
  const int64_t share = (job.global_batch() + job.launch.size - 1) / job.launch.size;
  const auto parameters = static_cast<double>(job.network->parameter_count());
  const double weights = 4 * parameters * (2 + static_cast<double>(job.optimizer->moments().size()));
  const double activations =
      kActivationsInUse * 4 * static_cast<double>(facts.activation_count) * static_cast<double>(share);
  const double pixels = static_cast<double>(share * shape.channels * shape.height * shape.width) *
                        static_cast<double>(job.config.run.prefetch_batches + 2);
  std::string text = origins_table(job.config);
  for (const std::string& note : job.notes) text += "note: " + note + "\n";
  text += cat("network: ", job.config.run.network, " with ", format("%.0f", parameters), " parameters, ",
              format("%.2f", static_cast<double>(facts.flops) / 1e9), " GFLOP a picture forward\n");
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

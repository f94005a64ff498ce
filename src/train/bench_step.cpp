#include "lockstep/train/bench_step.h"

#include <algorithm>
#include <chrono>

#include <ATen/Parallel.h>

#include "job.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/rng.h"
#include "lockstep/data/sampler.h"
#include "lockstep/model/network.h"
#include "lockstep/nn/memory.h"
#include "step.h"

namespace lockstep::train {
namespace {

/// Random pixels and labels with owned memory.
struct SyntheticBatch {
  std::vector<uint8_t> pixels;
  std::vector<float> labels;
  std::vector<int64_t> ids;
  data::HostBatch batch;
};

void fill(SyntheticBatch& synthetic, int64_t count, int64_t global_count, const ImageShape& shape, int64_t classes,
          bool multi_label) {
  Rng rng(1, RngUse::kTest);
  const int64_t width = multi_label ? classes : 1;
  synthetic.pixels.resize(static_cast<size_t>(count * shape.channels * shape.height * shape.width));
  for (uint8_t& pixel : synthetic.pixels) pixel = static_cast<uint8_t>(rng.next());
  synthetic.labels.resize(static_cast<size_t>(count * width));
  for (float& label : synthetic.labels) label = static_cast<float>(rng.uniform_int(0, multi_label ? 1 : classes - 1));
  synthetic.ids.resize(static_cast<size_t>(count));
  synthetic.batch = {.count = count,
                     .global_count = global_count,
                     .channels = shape.channels,
                     .height = shape.height,
                     .width = shape.width,
                     .label_width = static_cast<int>(width),
                     .pixels = synthetic.pixels,
                     .labels = synthetic.labels,
                     .ids = synthetic.ids};
}

StepSpeed measure(const Config& config, const BenchStepOptions& options, comm::Communicator& communicator) {
  const auto& h = config.hyperparameters;
  StepSpeed speed{.ranks = communicator.size()};
  speed.threads = options.threads > 0              ? static_cast<int>(options.threads)
                  : config.run.compute_threads > 0 ? static_cast<int>(config.run.compute_threads)
                                                   : cores_of_rank(communicator.launch());
  at::set_num_threads(speed.threads);
  speed.global_batch = h.mini_batch_size * communicator.launch().hosts();
  const int64_t classes = h.num_classes.value_or(10);
  const ImageShape& shape = h.image_shape;
  nn::Network network(model::make_network(config.run.network, {.num_layers = h.num_layers,
                                                               .classes = classes,
                                                               .channels = shape.channels,
                                                               .height = shape.height,
                                                               .width = shape.width,
                                                               .multi_label = h.multi_label}),
                      {1, shape.channels, shape.height, shape.width}, 1);
  const auto optimizer =
      optim::make_optimizer(h.optimizer, {{0, network.parameter_count(), true, 1.0}}, network.parameters(), {});
  Step step(
      network, *optimizer, communicator,
      {.global_batch = speed.global_batch, .multi_label = h.multi_label, .bucket_bytes = config.run.bucket_bytes});
  SyntheticBatch synthetic;
  fill(synthetic, data::share(speed.global_batch, communicator.rank(), communicator.size()).size(), speed.global_batch,
       shape, classes, h.multi_label);

  std::vector<double> seconds;
  constexpr int64_t kWarmUp = 3;
  for (int64_t i = 0; i < kWarmUp + options.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step.run(synthetic.batch, 1e-6);
    if (i >= kWarmUp)
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<long>(seconds.size() / 2), seconds.end());
  speed.step_seconds = seconds[seconds.size() / 2];
  speed.images_per_second = static_cast<double>(speed.global_batch) / speed.step_seconds;
  speed.flops_per_second = 3 * static_cast<double>(network.facts().flops) * speed.images_per_second;
  return speed;
}

}  // namespace

StepSpeed measure_step(const BenchStepOptions& options) {
  require(options.steps >= 1, ErrorKind::kUsage, "--steps: ", options.steps, " is not at least 1");
  nn::keep_memory();
  const Config config = load_config(options.config, options.overrides).config;
  const auto communicator = comm::make_communicator("auto", comm::discover_launch(), config.run.collective_timeout);
  log::start(communicator->rank(), communicator->size(), "");
  try {
    return measure(config, options, *communicator);
  } catch (const std::exception& error) {
    communicator->abort(error.what());
    throw;
  }
}

}  // namespace lockstep::train

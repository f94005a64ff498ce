#include "lockstep/train/bench_step.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>

#include <ATen/Parallel.h>

#include "job.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/rng.h"
#include "lockstep/data/loader.h"
#include "lockstep/data/sampler.h"
#include "lockstep/model/network.h"
#include "lockstep/nn/memory.h"
#include "peak.h"
#include "step.h"

namespace lockstep::train {
namespace {

/// Random pixels and labels with owned memory.
struct SyntheticBatch {
  std::shared_ptr<void> pixels, labels;
  std::vector<int64_t> ids;
  data::HostBatch batch;
};

template <class Value>
std::span<Value> make(std::shared_ptr<void>& memory, int64_t count, const data::Allocate& allocate) {
  memory = allocate(static_cast<size_t>(count) * sizeof(Value));
  return {static_cast<Value*>(memory.get()), static_cast<size_t>(count)};
}

void fill(SyntheticBatch& synthetic, int64_t count, int64_t global_count, const ImageShape& shape, int64_t classes,
          bool multi_label, const data::Allocate& allocate) {
  Rng rng(1, RngUse::kTest);
  const int64_t width = multi_label ? classes : 1;
  const auto pixels = make<uint8_t>(synthetic.pixels, count * shape.channels * shape.height * shape.width, allocate);
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(rng.next());
  const auto labels = make<float>(synthetic.labels, count * width, allocate);
  for (float& label : labels) label = static_cast<float>(rng.uniform_int(0, multi_label ? 1 : classes - 1));
  synthetic.ids.resize(static_cast<size_t>(count));
  synthetic.batch = {.count = count,
                     .global_count = global_count,
                     .channels = shape.channels,
                     .height = shape.height,
                     .width = shape.width,
                     .label_width = static_cast<int>(width),
                     .pixels = pixels,
                     .labels = labels,
                     .ids = synthetic.ids};
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double run_once(Step& step, const SyntheticBatch& synthetic) {
  const auto start = Clock::now();
  step.start(synthetic.batch, 1e-6);
  step.take();
  return seconds_since(start);
}

const char* name_of(nn::Precision precision) {
  switch (precision) {
    case nn::Precision::kFloat32:
      return "float32";
    case nn::Precision::kBfloat16:
      return "bfloat16";
    case nn::Precision::kFloat16:
      return "float16";
  }
  fail(ErrorKind::kBug, "no such precision: ", static_cast<int>(precision));
}

std::vector<StepPart> longest_first(const std::map<std::string, StepPart>& parts) {
  std::vector<StepPart> sorted;
  for (const auto& [name, part] : parts) sorted.push_back(part);
  std::ranges::stable_sort(sorted, std::greater(), [](const StepPart& part) { return part.forward + part.backward; });
  return sorted;
}

using Parts = std::map<std::string, StepPart>;

void add_time(Parts& parts, const std::string& name, bool backward, double seconds) {
  StepPart& part = parts[name];
  part.name = name;
  (backward ? part.backward : part.forward) += seconds;
  if (!backward) ++part.nodes;
}

/// A step with every node timed: its parts, and what is left of its seconds.
void measure_parts(Step& step, nn::Network& network, const SyntheticBatch& synthetic, StepSpeed& speed) {
  constexpr size_t kNodes = 10;
  Parts operators, nodes;
  network.time_nodes([&](const model::Node& node, bool backward, double seconds) {
    add_time(operators, node.op, backward, seconds);
    add_time(nodes, node.name, backward, seconds);
  });
  const double waited = step.reducer().seconds_waited(), total = run_once(step, synthetic);
  network.time_nodes({});
  speed.exchange_seconds = step.reducer().seconds_waited() - waited;
  speed.operators = longest_first(operators);
  speed.nodes = longest_first(nodes);
  speed.nodes.resize(std::min(speed.nodes.size(), kNodes));
  speed.other_seconds = total - speed.exchange_seconds;
  for (const StepPart& part : speed.operators) speed.other_seconds -= part.forward + part.backward;
}

/// One more update, with the gradients of the last step.
double time_update(Learner& learner) {
  nn::Network& network = *learner.network;
  const at::Tensor control = optim::make_control(1e-6).to(network.parameters().device());
  const auto start = Clock::now();
  learner.optimizer->step(network.parameters(), network.gradients(), control, network.working_copy());
  control.cpu();  // waits for a GPU
  return seconds_since(start);
}

/// The shortest of a few steps: a busy neighbour only ever makes one longer. The same number of steps on all ranks.
void measure_details(Step& step, Learner& learner, const SyntheticBatch& synthetic, StepSpeed& speed) {
  const auto seconds = [](const StepSpeed& one) {
    double sum = one.exchange_seconds + one.other_seconds;
    for (const StepPart& part : one.operators) sum += part.forward + part.backward;
    return sum;
  };
  StepSpeed best;
  double update = 1e9;
  for (int i = 0; i < 5; ++i) {
    StepSpeed one = speed;
    measure_parts(step, *learner.network, synthetic, one);
    if (i == 0 || seconds(one) < seconds(best)) best = std::move(one);
    update = std::min(update, time_update(learner));
  }
  speed = std::move(best);
  speed.update_seconds = update;
  speed.other_seconds = std::max(0.0, speed.other_seconds - update);
}

/// All ranks at once, as in a step.
void measure_peaks(nn::Precision precision, comm::Communicator& communicator, StepSpeed& speed) {
  communicator.barrier();
  const Peak peak = measure_peak();
  float sums[] = {static_cast<float>(precision == nn::Precision::kBfloat16 ? peak.bfloat16 : peak.float32),
                  static_cast<float>(peak.bytes_per_second)};
  communicator.allreduce({.data = sums, .count = std::size(sums)});
  speed.peak_flops_per_second = static_cast<double>(sums[0]);
  speed.peak_bytes_per_second = static_cast<double>(sums[1]);
}

StepSpeed measure(const Config& config, const BenchStepOptions& options, comm::Communicator& communicator) {
  const auto& h = config.hyperparameters;
  StepSpeed speed{.ranks = communicator.size()};
  speed.threads = options.threads > 0              ? static_cast<int>(options.threads)
                  : config.run.compute_threads > 0 ? static_cast<int>(config.run.compute_threads)
                                                   : cores_of_rank(communicator.launch());
  at::set_num_threads(speed.threads);
  speed.global_batch = h.mini_batch_size * communicator.launch().hosts();
  Config complete = config;
  const int64_t classes = h.num_classes.value_or(10);
  complete.hyperparameters.num_classes = classes;
  std::vector<std::string> notes;
  const nn::Compute compute = choose_compute(complete, communicator, notes);
  for (const std::string& note : notes) log::warning(note);
  speed.precision = name_of(compute.precision);
  Learner learner = build_learner(complete, make_graph(complete), compute);
  Step step(learner, communicator,
            {.global_batch = speed.global_batch,
             .multi_label = h.multi_label,
             .bucket_bytes = config.run.bucket_bytes,
             .record = choose_record(config.run, compute.gpu, false)});
  SyntheticBatch synthetic;
  fill(synthetic, data::share(speed.global_batch, communicator.rank(), communicator.size()).size(), speed.global_batch,
       h.image_shape, classes, h.multi_label, compute.gpu < 0 ? data::plain_memory() : comm::pinned_memory);

  constexpr int kWarmUp = 3, kMostWarmUp = 50;
  for (int i = 0; i < kWarmUp || (i < kMostWarmUp && !step.settled()); ++i) run_once(step, synthetic);
  std::vector<double> seconds;
  for (int64_t i = 0; i < options.steps; ++i) seconds.push_back(run_once(step, synthetic));
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<long>(seconds.size() / 2), seconds.end());
  speed.step_seconds = seconds[seconds.size() / 2];
  speed.images_per_second = static_cast<double>(speed.global_batch) / speed.step_seconds;
  speed.flops_per_second = 3 * static_cast<double>(learner.network->facts().flops) * speed.images_per_second;
  if (options.details) {
    step.stop_replaying();
    measure_details(step, learner, synthetic, speed);
    if (compute.gpu < 0) measure_peaks(compute.precision, communicator, speed);
  }
  return speed;
}

}  // namespace

StepSpeed measure_step(const BenchStepOptions& options) {
  require(options.steps >= 1, ErrorKind::kUsage, "--steps: ", options.steps, " is not at least 1");
  nn::keep_memory();
  const Config config = load_config(options.config, options.overrides).config;
  const auto communicator = comm::make_communicator(choose_backend(config.run, comm::discover_launch()),
                                                    comm::discover_launch(), config.run.collective_timeout);
  log::start(communicator->rank(), communicator->size(), "");
  try {
    return measure(config, options, *communicator);
  } catch (const std::exception& error) {
    communicator->abort(error.what());
    throw;
  }
}

}  // namespace lockstep::train

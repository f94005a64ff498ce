#include "lockstep/train/plan.h"

#include <algorithm>
#include <cmath>

#include <ATen/Context.h>

#include "exchange_model.h"
#include "job.h"
#include "lockstep/comm/launch.h"
#include "lockstep/config/load.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/dataset.h"
#include "lockstep/model/network.h"
#include "lockstep/train/bench_step.h"
#include "reducer.h"

namespace lockstep::train {
namespace {

void require_options(const PlanOptions& options) {
  const auto at_least = [](const char* option, int64_t value, int64_t least) {
    require(value >= least, ErrorKind::kUsage, option, ": ", value, " is not at least ", least);
  };
  at_least("--hosts", options.hosts, 1);
  at_least("--gpus-per-host", options.gpus_per_host, 0);
  at_least("--ranks-per-host", options.ranks_per_host, 0);
  at_least("--steps", options.steps, 1);
  require(options.gpus_per_host == 0 || options.ranks_per_host == 0, ErrorKind::kUsage,
          "--gpus-per-host and --ranks-per-host: a rank has a GPU or it has none; give one of the two");
  require(options.step_ms == 0 || options.images_per_second == 0, ErrorKind::kUsage,
          "--step-ms and --images-per-second say the same; give one of the two");
  const auto not_negative = [](const char* option, double value) {
    require(value >= 0 && std::isfinite(value), ErrorKind::kUsage, option, ": ", value, " is no number from 0 on");
  };
  not_negative("--step-ms", options.step_ms);
  not_negative("--images-per-second", options.images_per_second);
  not_negative("--price-per-hour", options.price_per_hour);
  require(options.gradient_bits == 32 || options.gradient_bits == 16, ErrorKind::kUsage,
          "--gradient-bits: ", options.gradient_bits, " is neither 32 nor 16");
  require(options.hosts == 1 || !options.network.empty(), ErrorKind::kUsage, "--hosts ", options.hosts,
          ": name the rate of a host's network with --network, e.g. 25Gb/s, or 8x400Gb/s for eight adapters");
  require(comm::discover_launch().size == 1, ErrorKind::kUsage,
          "plan measures one rank and reckons the others: start it without mpirun or srun, and name them with --hosts");
}

Cluster cluster_of(const PlanOptions& options) {
  const bool gpus = options.gpus_per_host > 0;
  const std::string transport = options.transport.empty() ? (gpus ? "rdma" : "tcp") : options.transport;
  require(transport == "tcp" || transport == "rdma", ErrorKind::kUsage, "--transport: \"", transport,
          "\" is neither tcp nor rdma");
  require(gpus || transport == "tcp", ErrorKind::kUsage,
          "--transport rdma: the exchange of CPU ranks is known over TCP only; leave it out, or give --gpus-per-host");
  Cluster cluster{.hosts = options.hosts,
                  .ranks_per_host = std::max<int64_t>(1, gpus ? options.gpus_per_host : options.ranks_per_host),
                  .gpus = gpus,
                  .rdma = transport == "rdma",
                  .network = options.network.empty() ? 0 : parse_network(options.network, "--network"),
                  .link = {}};
  if (gpus) cluster.link = find_gpu_link(options.gpu);
  return cluster;
}

int64_t count_samples(const Config& config, bool training) {
  const Channel& channel = training ? config.channels.train : config.channels.validation;
  if (!channel.given()) return 0;
  const auto& h = config.hyperparameters;
  try {
    return static_cast<int64_t>(
        data::open_dataset({.channel = channel,
                            .list = training ? config.channels.train_lst : config.channels.validation_lst,
                            .multi_label = h.multi_label,
                            .classes = h.num_classes.value_or(0),
                            .role = training ? "train" : "validation",
                            .class_names = {}})
            ->size());
  } catch (const Error& error) {
    if (!training) return 0;  // planned without evaluation: "0 samples"
    fail(ErrorKind::kUsage, error.what(), "; to plan without the data give num_training_samples=N");
  }
}

model::Facts facts_of(const Config& config) {
  const model::NetworkOptions options = network_options(config, 1000);
  return model::infer(model::make_network(config.run.network, options),
                      {1, options.channels, options.height, options.width});
}

/// One rank's step with `batch` samples, alone on this machine.
double measure_rank(const PlanOptions& options, const Cluster& cluster, int64_t batch, RunPlan& plan) {
  BenchStepOptions bench{
      .config = options.config, .overrides = options.overrides, .threads = 0, .steps = options.steps};
  bench.overrides.push_back(cat("hyperparameters.mini_batch_size=", batch));
  if (cluster.gpus)
    bench.overrides.emplace_back("run.device=cuda");
  else
    bench.threads =
        options.threads > 0 ? options.threads : std::max<int64_t>(1, available_cores() / cluster.ranks_per_host);
  const StepSpeed speed = measure_step(bench);
  plan.threads = speed.threads;
  return speed.step_seconds;
}

ComputeLaw find_law(const PlanOptions& options, const Cluster& cluster, RunPlan& plan) {
  if (options.step_ms > 0) return {options.step_ms / 1e3 / plan.rank_batch, 0};
  if (options.images_per_second > 0) return {1 / options.images_per_second, 0};
  require(!cluster.gpus || at::hasCUDA(), ErrorKind::kUsage,
          "--gpus-per-host: there is no GPU here to measure; give --step-ms or --images-per-second of one GPU");
  plan.measured = true;
  const auto large = static_cast<int64_t>(std::ceil(plan.rank_batch));
  const double large_seconds = measure_rank(options, cluster, large, plan);
  if (large < 2) return {large_seconds, 0};
  const double small_seconds = measure_rank(options, cluster, large / 2, plan);
  return fit_law(static_cast<double>(large / 2), small_seconds, static_cast<double>(large), large_seconds);
}

PlanRow plan_row(const RunPlan& plan, const Config& config, const PlanOptions& options, const StepTime& time,
                 const Cluster& cluster) {
  const auto hosts = static_cast<double>(cluster.hosts);
  PlanRow row{.hosts = cluster.hosts,
              .ranks = cluster.ranks(),
              .global_batch = config.hyperparameters.mini_batch_size * cluster.hosts,
              .step = time.seconds,
              .compute = time.compute,
              .jitter = time.jitter,
              .hidden = time.hidden,
              .exposed = time.exposed,
              .interference = time.interference,
              .algorithm = time.algorithm,
              .efficiency = time.efficiency};
  require(cluster.hosts == 1 || row.global_batch <= plan.samples, ErrorKind::kUsage, "--hosts: with ", cluster.hosts,
          " hosts a step of ", row.global_batch, " samples (mini_batch_size ", config.hyperparameters.mini_batch_size,
          " on each) is more than all ", plan.samples, "; use fewer hosts or a smaller mini_batch_size");
  const bool drop = config.run.last_batch == "drop";
  row.steps_per_epoch =
      drop ? plan.samples / row.global_batch : (plan.samples + row.global_batch - 1) / row.global_batch;
  require(row.steps_per_epoch > 0, ErrorKind::kUsage, "last_batch: drop with ", plan.samples, " samples and ",
          row.hosts, " host(s): the global batch of ", row.global_batch,
          " leaves no step; use fewer hosts or last_batch=use");
  row.images_per_second = static_cast<double>(row.global_batch) / row.step;
  const double forward_rate = 3 * static_cast<double>(row.global_batch) / row.compute;
  row.evaluation = static_cast<double>(plan.validation_samples) / forward_rate;
  row.epoch = static_cast<double>(row.steps_per_epoch) * row.step + row.evaluation;
  row.run = row.epoch * static_cast<double>(plan.epochs);
  row.cost = row.run / 3600 * hosts * options.price_per_hour;
  return row;
}

}  // namespace

RunPlan plan_run(const PlanOptions& options) {
  require_options(options);
  Cluster cluster = cluster_of(options);
  const Config config = load_config(options.config, options.overrides).config;
  const auto& h = config.hyperparameters;
  RunPlan plan;
  plan.samples = h.num_training_samples ? *h.num_training_samples : count_samples(config, true);
  plan.validation_samples = count_samples(config, false);
  plan.epochs = h.epochs;
  plan.rank_batch = static_cast<double>(h.mini_batch_size) / static_cast<double>(cluster.ranks_per_host);
  require(plan.rank_batch >= 1, ErrorKind::kUsage, "mini_batch_size: ", h.mini_batch_size, " samples for ",
          cluster.ranks_per_host, " ranks of a host; give each at least one");

  const model::Facts facts = facts_of(config);
  for (const model::Parameter& parameter : facts.parameters)
    if (!parameter.auxiliary) plan.parameters += model::count(parameter.shape);
  Exchange exchange{.pieces = gradient_pieces(facts, static_cast<double>(options.gradient_bits) / 8),
                    .first_bucket = static_cast<double>(kFirstBucketBytes)};
  for (const GradientPiece& piece : exchange.pieces) plan.exchanged_bytes += piece.bytes;
  exchange.bucket =
      static_cast<double>(bucket_size(static_cast<int64_t>(plan.exchanged_bytes), config.run.bucket_bytes));

  const ComputeLaw law = find_law(options, cluster, plan);
  plan.step_per_sample = law.per_sample;
  plan.step_fixed = law.fixed;
  std::vector<int64_t> sizes;
  for (int64_t hosts = 1; hosts < options.hosts; hosts *= 2) sizes.push_back(hosts);
  sizes.push_back(options.hosts);
  for (const int64_t hosts : sizes) {
    cluster.hosts = hosts;
    plan.rows.push_back(
        plan_row(plan, config, options, predict_step(law, plan.rank_batch, exchange, cluster), cluster));
  }
  return plan;
}

std::vector<PlanConstant> plan_constants() {
  return {
#define CONSTANT(name, value, unit, source) {#name, value, unit, source},
#include "exchange_constants.def"
  };
}

}  // namespace lockstep::train

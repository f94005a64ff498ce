#include "lockstep/train/plan.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/error.h"
#include "lockstep/core/file.h"
#include "lockstep/track/events.h"

namespace lockstep::cli {
namespace {

using Long = long long;

void print_constants() {
  for (const train::PlanConstant& row : train::plan_constants())
    std::cout << format("%-22s %12g %s: %s\n", row.name.c_str(), row.value, row.unit.c_str(), row.source.c_str());
}

std::string exchange_text(const train::RunPlan& plan, const train::PlanRow& row) {
  if (row.ranks == 1) return "exchange: none, there is one rank\n";
  return format(
      "exchange: %s a step for %.2f M parameters, by %s; hidden %.2f ms, exposed %.2f ms, slower computing %.2f ms, "
      "slowest rank %.2f ms\n",
      bytes_text(plan.exchanged_bytes).c_str(), 1e-6 * static_cast<double>(plan.parameters), row.algorithm.c_str(),
      1e3 * row.hidden, 1e3 * row.exposed, 1e3 * row.interference, 1e3 * row.jitter);
}

void print_plan(const train::RunPlan& plan, bool priced) {
  const train::PlanRow& row = plan.rows.back();
  std::cout << format("data: %lld samples, %lld epochs of %lld steps with a global batch of %lld\n", Long{plan.samples},
                      Long{plan.epochs}, Long{row.steps_per_epoch}, Long{row.global_batch})
            << format("compute: %.2f ms a step of %g images on one rank, %s\n", 1e3 * row.compute, plan.rank_batch,
                      plan.measured ? format("measured here with %d thread(s): %.3f ms an image + %.2f ms",
                                             plan.threads, 1e3 * plan.step_per_sample, 1e3 * plan.step_fixed)
                                          .c_str()
                                    : "as given")
            << exchange_text(plan, row)
            << format("evaluation: %s an epoch, %lld samples\n", duration_text(row.evaluation).c_str(),
                      Long{plan.validation_samples})
            << format("\n%6s %6s %12s %10s %10s %12s %14s %14s%s\n", "hosts", "ranks", "global batch", "step ms",
                      "efficiency", "images/s", "epoch", "run", priced ? "         cost" : "");
  for (const train::PlanRow& each : plan.rows)
    std::cout << format("%6lld %6lld %12lld %10.2f %9.1f%% %12.1f %14s %14s%s\n", Long{each.hosts}, Long{each.ranks},
                        Long{each.global_batch}, 1e3 * each.step, 100 * each.efficiency, each.images_per_second,
                        duration_text(each.epoch).c_str(), duration_text(each.run).c_str(),
                        priced ? format(" %12.2f", each.cost).c_str() : "");
}

track::Event event_of(const train::PlanRow& row) {
  track::Event event;
  event.set("hosts", row.hosts)
      .set("ranks", row.ranks)
      .set("global_batch", row.global_batch)
      .set("steps_per_epoch", row.steps_per_epoch)
      .set("step_seconds", row.step)
      .set("compute_seconds", row.compute)
      .set("jitter_seconds", row.jitter)
      .set("hidden_exchange_seconds", row.hidden)
      .set("exposed_exchange_seconds", row.exposed)
      .set("interference_seconds", row.interference)
      .set("algorithm", row.algorithm)
      .set("efficiency", row.efficiency)
      .set("images_per_second", row.images_per_second)
      .set("evaluation_seconds", row.evaluation)
      .set("epoch_seconds", row.epoch)
      .set("run_seconds", row.run)
      .set("cost", row.cost);
  return event;
}

track::Event event_of(const train::RunPlan& plan) {
  track::Event event, constants;
  std::vector<track::Event> rows;
  for (const train::PlanRow& row : plan.rows) rows.push_back(event_of(row));
  for (const train::PlanConstant& constant : train::plan_constants()) constants.set(constant.name, constant.value);
  event.set("samples", plan.samples)
      .set("validation_samples", plan.validation_samples)
      .set("epochs", plan.epochs)
      .set("parameters", plan.parameters)
      .set("exchanged_bytes", plan.exchanged_bytes)
      .set("rank_batch", plan.rank_batch)
      .set("measured", plan.measured)
      .set("step_seconds_per_sample", plan.step_per_sample)
      .set("step_seconds_fixed", plan.step_fixed)
      .set("rows", rows)
      .set("constants", constants);
  return event;
}

void add_options(CLI::App& app, train::PlanOptions& options) {
  app.add_option("overrides", options.overrides, "key=value");
  app.add_option("--hosts", options.hosts, "hosts of the run")->capture_default_str();
  app.add_option("--gpus-per-host", options.gpus_per_host, "a rank for each GPU");
  app.add_option("--ranks-per-host", options.ranks_per_host, "ranks on CPUs; left out: one");
  app.add_option("--gpu", options.gpu, "whose links: h200, h100, a100, v100")->capture_default_str();
  app.add_option("--network", options.network, "of a host in one direction: 25Gb/s, 100Mb/s, 8x400Gb/s");
  app.add_option("--transport", options.transport, "rdma or tcp; left out: rdma for GPUs, tcp for CPUs");
  app.add_option("--gradient-bits", options.gradient_bits, "32, or 16 for an exchange of half the bytes")
      ->capture_default_str();
  app.add_option("--price-per-hour", options.price_per_hour, "of one host");
  app.add_option("--step-ms", options.step_ms,
                 "step of one rank alone with its share of mini_batch_size; left out: measured here");
  app.add_option("--images-per-second", options.images_per_second, "of one rank alone, instead of --step-ms");
  app.add_option("--steps", options.steps, "steps to measure")->capture_default_str();
  app.add_option("--threads", options.threads, "threads of the measured rank; left out: its part of the cores");
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  auto options = std::make_shared<train::PlanOptions>();
  auto json = std::make_shared<std::string>();
  auto constants = std::make_shared<bool>(false);
  app.add_option("config", options->config, "configuration of the run");
  add_options(app, *options);
  app.add_option("--json", *json, "write all figures to this file as well");
  app.add_flag("--constants", *constants, "print the constants of the model with their sources");
  action = [options, json, constants] {
    if (*constants) print_constants();
    if (*constants && options->config.empty()) return 0;
    require(!options->config.empty(), ErrorKind::kUsage, "plan: name the configuration of the run");
    const train::RunPlan plan = train::plan_run(*options);
    if (!json->empty()) write_atomic(*json, event_of(plan).json(2) + "\n");
    print_plan(plan, options->price_per_hour > 0);
    return 0;
  };
}

}  // namespace lockstep::cli

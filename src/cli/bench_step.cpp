#include "lockstep/train/bench_step.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/comm/launch.h"
#include "lockstep/core/text.h"
#include "lockstep/track/events.h"

namespace lockstep::cli {

namespace {

std::vector<track::Event> events_of(const std::vector<train::StepPart>& parts) {
  std::vector<track::Event> events;
  for (const train::StepPart& part : parts) {
    track::Event event;
    event.set("name", part.name)
        .set("nodes", part.nodes)
        .set("forward_ms", 1e3 * part.forward)
        .set("backward_ms", 1e3 * part.backward);
    events.push_back(std::move(event));
  }
  return events;
}

std::string json_of(const train::StepSpeed& speed) {
  track::Event event;
  event.set("images_per_second", speed.images_per_second)
      .set("step_seconds", speed.step_seconds)
      .set("global_batch", speed.global_batch)
      .set("ranks", speed.ranks)
      .set("threads", speed.threads)
      .set("precision", speed.precision)
      .set("flops_per_second", speed.flops_per_second)
      .set("peak_flops_per_second", speed.peak_flops_per_second)
      .set("peak_bytes_per_second", speed.peak_bytes_per_second)
      .set("update_ms", 1e3 * speed.update_seconds)
      .set("exchange_not_hidden_ms", 1e3 * speed.exchange_seconds)
      .set("other_ms", 1e3 * speed.other_seconds)
      .set("operators", events_of(speed.operators))
      .set("longest_nodes", events_of(speed.nodes));
  return event.json(2) + "\n";
}

void print_parts(const char* title, const std::vector<train::StepPart>& parts, double step) {
  std::cout << format("\n%-32s %5s %12s %12s %7s\n", title, "nodes", "forward ms", "backward ms", "share");
  for (const train::StepPart& part : parts)
    std::cout << format("%-32s %5lld %12.2f %12.2f %6.1f%%\n", part.name.c_str(), static_cast<long long>(part.nodes),
                        1e3 * part.forward, 1e3 * part.backward, 100 * (part.forward + part.backward) / step);
}

void print(const train::StepSpeed& speed) {
  std::cout << format("%d rank(s) x %d thread(s), %s, global batch %lld, median step %.2f ms, %.1f GFLOP/s\n",
                      speed.ranks, speed.threads, speed.precision.c_str(), static_cast<long long>(speed.global_batch),
                      1e3 * speed.step_seconds, speed.flops_per_second / 1e9);
  if (speed.peak_flops_per_second > 0)
    std::cout << format(
        "the processor's peak, measured now: %.1f GFLOP/s, of which the step has %.0f%%%s; copy %.1f GB/s\n",
        speed.peak_flops_per_second / 1e9, 100 * speed.flops_per_second / speed.peak_flops_per_second,
        speed.precision == "float32" ? " (convolutions counted as defined; Winograd's multiply less)" : "",
        speed.peak_bytes_per_second / 1e9);
  double step = speed.update_seconds + speed.exchange_seconds + speed.other_seconds;
  for (const train::StepPart& part : speed.operators) step += part.forward + part.backward;
  print_parts("operators of rank 0", speed.operators, step);
  const auto line = [&](const char* name, double seconds) {
    std::cout << format("%-32s %5s %12s %12.2f %6.1f%%\n", name, "", "", 1e3 * seconds, 100 * seconds / step);
  };
  line("update", speed.update_seconds);
  line("exchange that is not hidden", speed.exchange_seconds);
  line("input, loss and the rest", speed.other_seconds);
  print_parts("longest nodes", speed.nodes, step);
  std::cout << format("\nimages/s: %.1f\n", speed.images_per_second);
}

}  // namespace

void add_bench_step(CLI::App& app, Action& action) {
  auto options = std::make_shared<train::BenchStepOptions>();
  auto json = std::make_shared<std::string>();
  app.add_option("config", options->config,
                 "configuration whose network, image_shape, mini_batch_size and optimizer are used")
      ->required();
  app.add_option("overrides", options->overrides, "key=value");
  app.add_option("--threads", options->threads, "threads of each rank; 0: as training would choose")
      ->check(CLI::Range(0, 4096));
  app.add_option("--steps", options->steps, "steps to measure")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--json", *json, "write the figures to this file as well");
  options->details = true;
  action = [options, json] {
    const train::StepSpeed speed = train::measure_step(*options);
    if (comm::discover_launch().rank != 0) return 0;
    if (!json->empty()) write_atomic(*json, json_of(speed));
    print(speed);
    return 0;
  };
}

}  // namespace lockstep::cli

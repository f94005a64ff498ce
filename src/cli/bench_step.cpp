#include "lockstep/train/bench_step.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/comm/launch.h"
#include "lockstep/core/text.h"
#include "lockstep/track/events.h"

namespace lockstep::cli {

void add_bench_step(CLI::App& app, Action& action) {
  auto options = std::make_shared<train::BenchStepOptions>();
  auto json = std::make_shared<std::string>();
  app.add_option("config", options->config,
                 "configuration whose network, image_shape, mini_batch_size and optimizer are used")
      ->required();
  app.add_option("overrides", options->overrides, "key=value");
  app.add_option("--threads", options->threads, "threads of each rank; 0: as training would choose")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--steps", options->steps, "steps to measure")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", *json, "write the figures to this file as well");
  action = [options, json] {
    const train::StepSpeed speed = train::measure_step(*options);
    if (comm::discover_launch().rank != 0) return 0;
    track::Event event;
    event.set("images_per_second", speed.images_per_second)
        .set("step_seconds", speed.step_seconds)
        .set("global_batch", speed.global_batch)
        .set("ranks", speed.ranks)
        .set("threads", speed.threads)
        .set("flops_per_second", speed.flops_per_second);
    if (!json->empty()) write_atomic(*json, event.json(2) + "\n");
    std::cout << format("%d rank(s) x %d thread(s), global batch %lld, median step %.2f ms, %.1f GFLOP/s\n",
                        speed.ranks, speed.threads, static_cast<long long>(speed.global_batch),
                        1e3 * speed.step_seconds, speed.flops_per_second / 1e9)
              << format("images/s: %.1f\n", speed.images_per_second);
    return 0;
  };
}

}  // namespace lockstep::cli

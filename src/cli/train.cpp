#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/config/load.h"
#include "lockstep/train/run.h"

namespace lockstep::cli {

void add_train(CLI::App& app, Action& action) {
  auto options = std::make_shared<train::RunOptions>();
  app.add_option("config", options->config,
                 "YAML with the sections channels, hyperparameters and run, or SageMaker's hyperparameters.json")
      ->required();
  app.add_option("overrides", options->overrides,
                 "key=value, by the full name or the last part where it is unique: learning_rate=0.01");
  auto* const dry_run = app.add_flag("--dry-run", options->dry_run,
                                     "check everything, print configuration, network, steps and memory; train nothing");
  app.add_option(
         "--try", options->rehearsed_batches,
         "rehearse: train so many batches, evaluate, save, load and compare, say how fast and how long; begins no "
         "run")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000000}))
      ->excludes(dry_run);
  app.footer([] { return keys_help(); });
  action = [options] { return train::run(*options); };
}

}  // namespace lockstep::cli

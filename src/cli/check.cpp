#include "lockstep/data/check.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/config/load.h"

namespace lockstep::cli {
namespace {

struct CheckCommand {
  std::vector<std::string> what;
  std::string image_shape = "3,224,224", json, chart;
  int64_t resize = 0;
  bool multi_label = false, decode = false;
  int threads = 0;
};

bool is_config(const std::string& path) {
  const Path name = Path(path).filename();
  return name.extension() == ".yaml" || name.extension() == ".yml" ||
         (name.extension() == ".json" && name.string().starts_with("hyperparameters"));
}

data::CheckOptions options_of_config(const CheckCommand& command) {
  const std::vector<std::string> overrides(command.what.begin() + 1, command.what.end());
  data::CheckOptions options;
  options.config = load_config(command.what[0], overrides).config;
  options.is_whole = true;
  const auto add = [&](const char* role, const Channel& channel, const Channel& list) {
    if (!channel.given()) return;
    data::DatasetOptions open = data::dataset_options(options.config, channel, list);
    open.role = role;
    options.channels.push_back({role, std::move(open)});
  };
  add("train", options.config.channels.train, options.config.channels.train_lst);
  add("validation", options.config.channels.validation, options.config.channels.validation_lst);
  return options;
}

/// Data without a configuration: each path is a channel of its own name.
data::CheckOptions options_of_paths(const CheckCommand& command) {
  data::CheckOptions options;
  options.config =
      load_config_text(cat("channels: {train: data}\nhyperparameters: {image_shape: \"", command.image_shape,
                           "\", multi_label: ", command.multi_label,
                           ", resize: ", command.resize > 0 ? std::to_string(command.resize) : "none", "}\n"),
                       "the options")
          .config;
  for (const std::string& path : command.what)
    options.channels.push_back({path, data::dataset_options(options.config, {.paths = {path}}, {})});
  return options;
}

int check(const CheckCommand& command) {
  data::CheckOptions options = is_config(command.what[0]) ? options_of_config(command) : options_of_paths(command);
  options.decode = command.decode;
  options.threads = command.threads;
  const data::CheckReport report = data::check(options);
  std::cout << to_text(report);
  if (!command.json.empty()) write_atomic(command.json, to_event(report).json(2) + "\n");
  if (!command.chart.empty()) write_atomic(command.chart, chart_of(report));
  return report.would_fail() ? exit_code(ErrorKind::kData) : 0;
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  auto command = std::make_shared<CheckCommand>();
  app.add_option(
         "what", command->what,
         "a configuration (.yaml, hyperparameters.json) and key=value overrides, or data: .rec, .lst, folders; the "
         "first is what would be trained on")
      ->required();
  app.add_flag("--decode", command->decode, "decode every pixel, not headers and ends alone");
  app.add_option("--image-shape", command->image_shape, "data without a configuration: C,H,W of the network's input")
      ->capture_default_str();
  app.add_option("--resize", command->resize, "data without a configuration: shorter side before the crop");
  app.add_flag("--multi-label", command->multi_label, "data without a configuration: several labels a sample");
  app.add_option("--threads", command->threads, "0: available cores")->capture_default_str();
  app.add_option("--json", command->json, "write the report there as JSON");
  app.add_option("--chart", command->chart, "write the samples of each class there as SVG");
  action = [command] { return check(*command); };
}

}  // namespace lockstep::cli

#include "lockstep/model/convert.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"

namespace lockstep::cli {
namespace {

struct ConvertCommand {
  std::string from, to, names = "mxnet";
  bool half = false;
};

int convert(const ConvertCommand& command) {
  const model::Artefact artefact =
      model::convert(command.from, command.to, {.half = command.half, .torch_names = command.names == "torch"});
  std::cout << artefact.source << " -> " << command.to << ", " << artefact.arrays.size() << " arrays" << std::endl;
  return 0;
}

}  // namespace

void add_convert(CLI::App& app, Action& action) {
  auto command = std::make_shared<ConvertCommand>();
  app.add_option(
         "in", command->from,
         "model.tar.gz, a folder, PREFIX, *-symbol.json, PREFIX-NNNN.params, .safetensors, .pth, or a checkpoint")
      ->required();
  app.add_option("out", command->to,
                 "by its ending: .tar.gz (SageMaker), PREFIX-NNNN.params (with PREFIX-symbol.json), .safetensors, or a "
                 "folder")
      ->required();
  app.add_flag("--half", command->half, "weights as float16, which halves the file");
  app.add_option("--to", command->names, ".safetensors: names of mxnet (the whole model) or of torch")
      ->check(CLI::IsMember({"mxnet", "torch"}))
      ->capture_default_str();
  action = [command] { return convert(*command); };
}

}  // namespace lockstep::cli

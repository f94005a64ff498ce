#include "lockstep/model/inspect.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"

namespace lockstep::cli {

void add_inspect(CLI::App& app, Action& action) {
  auto model = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto arrays = std::make_shared<bool>(false);
  app.add_option("model", *model,
                 "model.tar.gz, a folder, PREFIX, *-symbol.json, *.params, .safetensors, .pth, or a checkpoint")
      ->required();
  app.add_flag("--json", *json, "one JSON object");
  app.add_flag("--arrays", *arrays, "name, shape and type of every array too");
  action = [=] {
    const model::Inspection inspection = model::inspect(*model);
    std::cout << (*json ? to_json(inspection, *arrays) : to_text(inspection, *arrays));
    return 0;
  };
}

}  // namespace lockstep::cli

#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace lockstep::cli {

/// What a subcommand does once its options are parsed; returns the exit code.
using Action = std::function<int()>;

// Each adds its options to its own subcommand and sets `action`. One source a row.
#define COMMAND(name, add, help) void add(CLI::App& app, Action& action);
#include "commands.def"

}  // namespace lockstep::cli

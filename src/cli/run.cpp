#include "lockstep/cli/run.h"

#include <array>
#include <iostream>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/error.h"
#include "lockstep/core/table.h"
#include "versions.h"

namespace lockstep::cli {
namespace {

constexpr std::array kCommands = {
#define COMMAND(name, add, help) Entry<void (*)(CLI::App&, Action&)>{name, help, add},
#include "commands.def"
};

/// An option that the command has not is what is wrong, whatever else is missing.
std::string complaint(const CLI::App& command, const CLI::ParseError& error) {
  for (const std::string& word : command.remaining()) {
    if (!word.starts_with('-')) continue;
    std::vector<std::string> known;
    for (const CLI::Option* option : command.get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    const std::string wrong = split(word, '=').front(), close = nearest(wrong, known);
    return cat("no option is called ", wrong, close.empty() ? "" : cat("; did you mean ", close, "?"));
  }
  return error.what();
}

int wrong_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  const CLI::App& command = commands.empty() ? app : *commands.front();
  const std::string name = cat("lockstep", commands.empty() ? "" : " " + command.get_name());
  std::cerr << name << ": " << complaint(command, error) << "\nSee `" << name << " --help`." << std::endl;
  return exit_code(ErrorKind::kUsage);
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app{"Trains image classifiers, data-parallel over MPI, from RecordIO.", "lockstep"};
  app.require_subcommand(1);
  app.set_version_flag("--version", versions);
  app.footer("Each command has its own --help.");
  std::array<Action, kCommands.size()> actions;
  for (size_t i = 0; i < kCommands.size(); ++i)
    kCommands[i].make(*app.add_subcommand(kCommands[i].name, kCommands[i].help), actions[i]);

  // CLI11 would call an unknown command a superfluous argument; the table knows better.
  if (argc > 1 && argv[1][0] != '-') find_entry(std::span(kCommands.data(), kCommands.size()), argv[1], "command");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : wrong_usage(app, error);
  }
  for (size_t i = 0; i < kCommands.size(); ++i)
    if (app.got_subcommand(kCommands[i].name)) return actions[i]();
  return exit_code(ErrorKind::kBug);
}

}  // namespace lockstep::cli

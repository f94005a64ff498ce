#pragma once

namespace lockstep::cli {

/// Finds the subcommand, parses its options and runs it; returns the exit code of the process. Throws what the command
/// throws. Wrong usage prints one line and where help is, and returns 2.
int run(int argc, char** argv);

}  // namespace lockstep::cli

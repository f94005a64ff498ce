#pragma once

namespace lockstep::cli {

/// Columns of the terminal that standard output is, or 120 when it is a pipe or file.
int terminal_columns();

/// Standard output is a terminal.
bool is_terminal();

}  // namespace lockstep::cli

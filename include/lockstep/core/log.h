#pragma once

#include <string>
#include <string_view>

#include "lockstep/core/text.h"

namespace lockstep::log {

// Lines with SageMaker's prefix `[MM/DD/YYYY HH:MM:SS LEVEL thread] `. Any thread may log; a line is written whole.
// Until start() is called lines go to standard error without a prefix, errors and warnings in front of them said so.

/// From now on: information goes to standard output with the prefix (rank 0 alone), warnings and errors of every rank
/// to standard error with `[rank r] ` behind the prefix when there are several ranks; all that this rank prints is
/// appended to `file` as well when it is not empty. May be called again.
void start(int rank, int size, const std::string& file);

void write_info(const std::string& line);
void write_warning(const std::string& line);
void write_error(const std::string& line);

template <class... Parts>
void info(const Parts&... parts) {
  write_info(cat(parts...));
}
template <class... Parts>
void warning(const Parts&... parts) {
  write_warning(cat(parts...));
}
template <class... Parts>
void error(const Parts&... parts) {
  write_error(cat(parts...));
}

/// A line that is redrawn in place on a terminal; nothing at all when standard error is not one. The next log line
/// replaces it.
void status(const std::string& line);

}  // namespace lockstep::log

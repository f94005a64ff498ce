#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace lockstep::cli {

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 120;
}

bool is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

}  // namespace lockstep::cli

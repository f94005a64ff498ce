#include <cstdio>
#include <exception>

#include <unistd.h>

#include "lockstep/cli/run.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"

namespace {

/// Leaves without destructors: after an error other threads may still wait inside MPI or a device.
[[noreturn]] void leave(int code) {
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return lockstep::cli::run(argc, argv);
  } catch (const lockstep::Error& error) {
    lockstep::log::error(error.what());
    leave(lockstep::exit_code(error.kind()));
  } catch (const std::exception& error) {
    lockstep::log::error("this is a bug of lockstep: ", error.what());
    leave(lockstep::exit_code(lockstep::ErrorKind::kBug));
  }
}

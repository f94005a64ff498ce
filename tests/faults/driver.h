#pragma once

#include <cstdlib>
#include <map>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lockstep/core/file.h"

namespace lockstep::test {

/// How a program ended: exit code, or 128 + signal; and what it wrote to standard error.
struct Ending {
  int code = 0;
  std::string message;
};

/// One save by save_driver with shim.c preloaded.
struct Save {
  Path folder;
  int64_t step = 0, value = 0, keep = 2;
};
using Environment = std::map<std::string, std::string>;

inline Ending run_driver(const Save& save, const Environment& environment, const Path& message_file) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::setenv("LD_PRELOAD", LOCKSTEP_FAULT_SHIM, 1);
    ::dup2(::open(message_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), STDERR_FILENO);
    ::execl(LOCKSTEP_SAVE_DRIVER, LOCKSTEP_SAVE_DRIVER, save.folder.c_str(), std::to_string(save.step).c_str(),
            std::to_string(save.value).c_str(), std::to_string(save.keep).c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(message_file)};
}

}  // namespace lockstep::test

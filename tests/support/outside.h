#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

// What a test may find outside the project: real pictures, and real MXNet and torch as judges of our formats. A test
// that needs one and does not find it says so and skips:  if (test::data_folder().empty()) GTEST_SKIP() <<
// test::kNoData;
namespace lockstep::test {

inline constexpr const char* kNoData =
    "no test pictures: LOCKSTEP_TEST_DATA names no folder and ../shared/data is absent";
inline constexpr const char* kNoMxnet =
    "no MXNet 1.9.1: LOCKSTEP_MXNET_PYTHON names no python and .deps/mxnet is absent (tests/run makes it)";

inline constexpr const char* kNoTorch = "no python with torch and torchvision: LOCKSTEP_TORCH_PYTHON names none";

/// Tests run in the root of the source tree. Empty when there are no pictures.
inline std::filesystem::path data_folder() {
  const char* named = std::getenv("LOCKSTEP_TEST_DATA");
  const std::filesystem::path folder = named ? named : "../shared/data";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

/// The python that can import mxnet 1.9.1, or empty.
inline std::string mxnet_python() {
  const char* named = std::getenv("LOCKSTEP_MXNET_PYTHON");
  const std::string python = named ? named : ".deps/mxnet/bin/python";
  return std::filesystem::exists(python) ? python : "";
}

/// The python that can import torch and torchvision, or empty.
inline std::string torch_python() {
  const char* named = std::getenv("LOCKSTEP_TORCH_PYTHON");
  return named && std::filesystem::exists(named) ? named : "";
}

struct Outcome {
  int status = -1;
  std::string output;  ///< standard output and error together
};
/// Runs a shell command.
inline Outcome run_command(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return outcome;
  std::array<char, 4096> part{};
  while (size_t n = std::fread(part.data(), 1, part.size(), pipe)) outcome.output.append(part.data(), n);
  const int code = ::pclose(pipe);
  outcome.status = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
  return outcome;
}
/// Runs tests/mxnet/<script> under MXNet's python with these arguments.
inline Outcome run_mxnet(const std::string& script, const std::string& arguments) {
  return run_command("MXNET_STORAGE_FALLBACK_LOG_VERBOSE=0 MXNET_SUBGRAPH_BACKEND=NONE " + mxnet_python() +
                     " tests/mxnet/" + script + " " + arguments);
}

/// Runs tests/torch/<script> under torch's python with these arguments.
inline Outcome run_torch(const std::string& script, const std::string& arguments) {
  return run_command(torch_python() + " tests/torch/" + script + " " + arguments);
}

}  // namespace lockstep::test

#include "attempts.h"

#include <filesystem>

#include <nlohmann/json.hpp>

namespace lockstep::train {

Attempts::Attempts(const Path& output) : file_(output / "attempts.json") {}

int64_t Attempts::begin(int64_t step) {
  int64_t failed = 0;
  std::error_code ignored;
  if (std::filesystem::exists(file_, ignored)) {
    const auto json = nlohmann::json::parse(read_text(file_), nullptr, false);
    if (json.is_object() && json.value("step", int64_t{-1}) == step) failed = json.value("starts", int64_t{0});
  }
  if (failed < kMost) write_atomic(file_, nlohmann::json{{"step", step}, {"starts", failed + 1}}.dump() + "\n");
  return failed;
}

void Attempts::succeed() {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

}  // namespace lockstep::train

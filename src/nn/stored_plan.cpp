#include "stored_plan.h"

#include <system_error>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/text.h"

namespace lockstep::nn {
namespace {

Path path_of(const Path& folder, const std::string& title) { return folder / cat("plan-", hash_text(hash(title))); }

std::string head_of(const std::string& title, std::string_view plan) {
  return cat("lockstep cuDNN plan 1 ", hash_text(hash(plan)), " ", title, "\n");
}

}  // namespace

std::optional<std::string> read_plan(const Path& folder, const std::string& title) {
  std::error_code error;
  if (folder.empty() || !std::filesystem::exists(path_of(folder, title), error)) return {};
  try {
    const std::string text = read_text(path_of(folder, title));
    const size_t end = text.find('\n');
    if (end == std::string::npos) return {};
    std::string plan = text.substr(end + 1);
    return text.compare(0, end + 1, head_of(title, plan)) == 0 ? std::optional(std::move(plan)) : std::nullopt;
  } catch (const Error&) {
    return {};
  }
}

void store_plan(const Path& folder, const std::string& title, std::string_view plan) {
  if (folder.empty()) return;
  try {
    std::filesystem::create_directories(folder);
    write_atomic(path_of(folder, title), head_of(title, plan) + std::string(plan));
  } catch (const std::exception&) {  // an Error or the file system's own: the next run compiles it again
  }
}

}  // namespace lockstep::nn

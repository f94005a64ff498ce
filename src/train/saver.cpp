#include "saver.h"

#include <chrono>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"

namespace lockstep::train {

Saver::Saver(Path folder, int64_t keep) : folder_(std::move(folder)), keep_(keep) {}

Saver::~Saver() {
  try {
    finish();
  } catch (const std::exception& error) {
    log::error(error.what());
  }
}

void Saver::start(int64_t step, model::checkpoint::Content content, std::vector<int64_t> protect) {
  require(!running_.valid(), ErrorKind::kBug, "a checkpoint is being written already");
  running_ = std::async(std::launch::async, [folder = folder_, keep = keep_, step, given = std::move(content),
                                             protect = std::move(protect)]() mutable {
    name_thread("checkpoint");
    const auto snapshot = std::move(given);  // the future would hold it until it is asked
    const auto start = std::chrono::steady_clock::now();
    Saved saved{.step = step, .path = model::checkpoint::save(folder, step, snapshot, keep, protect)};
    saved.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return saved;
  });
}

std::optional<Saver::Saved> Saver::poll() {
  if (!running_.valid() || running_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
  return running_.get();
}

std::optional<Saver::Saved> Saver::finish() {
  if (!running_.valid()) return std::nullopt;
  return running_.get();
}

}  // namespace lockstep::train

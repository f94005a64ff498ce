#include "saver.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"

namespace lockstep::train {

void require_finite(const model::Arrays& arrays, int64_t step) {
  for (const model::Array& array : arrays) {
    if (array.type != model::ElementType::kFloat32) continue;
    const auto* const values = reinterpret_cast<const float*>(array.data.data());
    const bool finite = std::all_of(values, values + array.data.size() / sizeof(float),
                                    [](float value) { return std::isfinite(value); });
    require(
        finite, ErrorKind::kData, array.name, " is not finite behind step ", step,
        ", and is not saved: the run has diverged. The checkpoints before it stay; go on from one of them, or begin "
        "again, with a smaller learning_rate");
  }
}

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
    require_finite(snapshot.tensors, step);
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

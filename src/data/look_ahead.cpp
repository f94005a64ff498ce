#include "look_ahead.h"

#include <algorithm>
#include <utility>

#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/cache.h"

namespace lockstep::data {

LookAhead::LookAhead(const Dataset& dataset, const LoaderOptions& options, RankSampler order, int64_t epoch,
                     int64_t batch)
    : dataset_(dataset),
      options_(options),
      order_(std::move(order)),
      thread_([this, epoch, batch] { walk(epoch, batch); }) {}

LookAhead::~LookAhead() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void LookAhead::advance() {
  const std::lock_guard lock(mutex_);
  ++begun_;
  changed_.notify_all();
}

void LookAhead::walk(int64_t epoch, int64_t batch) try {
  name_thread("load-ahead");
  for (int64_t asked = 0; epoch < options_.epochs && wait_for_turn(asked); ++asked) {
    ask_for(order_.batch(epoch, batch).ids);
    const bool last = batch + 1 == order_.batches();
    epoch += last ? 1 : 0;
    batch = last ? 0 : batch + 1;
  }
} catch (const std::exception& error) {
  log::warning("nothing is read ahead of its time any more: ", error.what());
}

/// False when it is time to end.
bool LookAhead::wait_for_turn(int64_t asked) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopping_ || asked < begun_ + std::max(1, options_.ahead); });
  return !stopping_;
}

void LookAhead::ask_for(const std::vector<int64_t>& ids) const {
  for (const int64_t each : ids) {
    const auto id = static_cast<size_t>(each);
    if (!options_.cache || !options_.cache->find(options_.cached_from + id)) dataset_.will_read(id);
  }
}

}  // namespace lockstep::data

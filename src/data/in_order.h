#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace lockstep::data {

/// Makes items 0..count-1 on several threads and takes them in order on the calling one: produce(worker, i, item) fills
/// an item whose memory is reused, take(i, item) gets it. At most 4 items a thread exist at once. The first exception
/// of either ends the work and is rethrown here.
template <class Item, class Produce, class Take>
void in_order(size_t count, size_t threads, Produce&& produce, Take&& take) {
  const size_t window = 4 * threads;
  std::vector<Item> items(window);
  std::vector<char> ready(window, 0);
  std::mutex mutex;
  std::condition_variable changed;
  size_t next = 0, taken = 0;
  std::exception_ptr error;

  const auto stop = [&](std::exception_ptr cause) {
    std::lock_guard lock(mutex);
    if (!error) error = std::move(cause);
    changed.notify_all();
  };
  const auto work = [&](size_t worker) {
    for (std::unique_lock lock(mutex);;) {
      changed.wait(lock, [&] { return error || next >= count || next < taken + window; });
      if (error || next >= count) return;
      const size_t i = next++;
      lock.unlock();
      try {
        produce(worker, i, items[i % window]);
      } catch (...) {
        stop(std::current_exception());
        return;
      }
      lock.lock();
      ready[i % window] = 1;
      changed.notify_all();
    }
  };

  std::vector<std::jthread> workers;
  for (size_t worker = 0; worker < threads; ++worker) workers.emplace_back(work, worker);
  for (size_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return error || ready[i % window]; });
      if (error) break;
    }
    try {
      take(i, items[i % window]);
    } catch (...) {
      stop(std::current_exception());
      break;
    }
    std::lock_guard lock(mutex);
    ready[i % window] = 0;
    ++taken;
    changed.notify_all();
  }
  workers.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace lockstep::data

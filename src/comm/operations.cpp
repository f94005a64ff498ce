#include "operations.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"

namespace lockstep::comm {

using Clock = std::chrono::steady_clock;
namespace {
constexpr auto kIdle = std::chrono::milliseconds(5);
constexpr double kWarnAfter = 60;  // seconds, or half of the time limit
}  // namespace

struct Operations::Operation {
  std::string name;
  std::function<void()> action;
  bool exchange = false;
  int64_t number = 0;
  bool done = false;
  std::string failure = {};  // what the action threw
};

struct Operations::State {
  std::string who;
  double timeout_seconds;
  std::function<std::string()> explain;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Operation>> queue;
  std::shared_ptr<Operation> running;
  int64_t started = 0;
  std::atomic<bool> dead = false;
  std::string reason;  // why it is dead
  bool ending = false, stopping = false, stopped = false;
  std::function<void()> last, idle;
  Clock::duration exchanging{0};

  /// The caller holds the mutex. The first reason wins.
  void kill(const std::string& why) {
    if (!dead) reason = why;
    dead = true;
    changed.notify_all();
  }
};

Operations::Operations(std::string who, double timeout_seconds, std::function<std::string()> explain)
    : state_(std::make_shared<State>()) {
  state_->who = std::move(who);
  state_->timeout_seconds = timeout_seconds;
  state_->explain = std::move(explain);
  thread_ = std::thread([state = state_] { work(state); });
}

Operations::~Operations() {
  std::unique_lock lock(state_->mutex);
  if (state_->running || !state_->queue.empty()) state_->kill("the communicator was destroyed");
  state_->stopping = true;
  state_->changed.notify_all();
  const bool stopped = state_->changed.wait_for(lock, std::chrono::seconds(1), [&] { return state_->stopped; });
  lock.unlock();
  stopped ? thread_.join() : thread_.detach();
}

void Operations::rename(const std::string& who) {
  std::lock_guard lock(state_->mutex);
  state_->who = who;
}

Pending Operations::start(std::string name, std::function<void()> action) {
  return enqueue(std::make_shared<Operation>(Operation{std::move(name), std::move(action)}));
}

Pending Operations::start_exchange(std::string name, std::function<void()> action) {
  return enqueue(std::make_shared<Operation>(Operation{std::move(name), std::move(action), true}));
}

Pending Operations::enqueue(const std::shared_ptr<Operation>& operation) {
  {
    std::lock_guard lock(state_->mutex);
    operation->number = ++state_->started;
    state_->queue.push_back(operation);
    state_->changed.notify_all();
  }
  return Pending([state = state_, operation] { wait(*state, *operation); });
}

double Operations::seconds_exchanging() const {
  std::lock_guard lock(state_->mutex);
  return std::chrono::duration<double>(state_->exchanging).count();
}

void Operations::run_when_idle(std::function<void()> action) {
  std::lock_guard lock(state_->mutex);
  state_->idle = std::move(action);
  state_->changed.notify_all();
}

std::function<void()> Operations::checker() const {
  return [state = state_] {
    if (!state->dead) return;
    std::lock_guard lock(state->mutex);
    fail(ErrorKind::kComm, state->reason);
  };
}

bool Operations::dead() const { return state_->dead; }

void Operations::end(const std::string& reason, std::function<void()> last, std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  if (state_->ending) return;
  state_->ending = true;
  state_->last = std::move(last);
  state_->kill(reason);
  state_->changed.wait_for(lock, limit, [&] { return !state_->last || state_->stopped; });
}

void Operations::work(const std::shared_ptr<State>& state) {
  name_thread("collectives");
  std::unique_lock lock(state->mutex);
  while (true) {
    wait_for_work(*state, lock);
    if (state->last) {
      const auto last = state->last;
      lock.unlock();
      last();
      lock.lock();
      state->last = nullptr;
      state->changed.notify_all();
    } else if (!state->queue.empty()) {
      state->running = state->queue.front();
      state->queue.pop_front();
      lock.unlock();
      perform(*state, *state->running);
      lock.lock();
      state->running = nullptr;
    } else {
      state->stopped = true;
      state->changed.notify_all();
      return;
    }
  }
}

void Operations::wait_for_work(State& state, std::unique_lock<std::mutex>& lock) {
  const auto asked = [&] { return state.stopping || state.last || !state.queue.empty(); };
  const auto idles = [&] { return state.idle && !state.dead; };
  while (!asked()) {
    state.changed.wait(lock, [&] { return asked() || idles(); });
    if (asked() || state.changed.wait_for(lock, kIdle, asked)) return;
    const auto action = state.idle;
    lock.unlock();
    std::string failure;
    try {
      action();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    lock.lock();
    if (!failure.empty()) state.kill(failure);
  }
}

void Operations::perform(State& state, Operation& operation) {
  std::string failure;
  const auto begin = Clock::now();
  if (!state.dead) {
    try {
      operation.action();
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  // What the action holds is released here, not by a waiter that comes later or never.
  operation.action = nullptr;
  std::lock_guard lock(state.mutex);
  if (operation.exchange) state.exchanging += Clock::now() - begin;
  if (!failure.empty()) {
    operation.failure = failure;
    state.kill(cat(operation.name, ", collective ", operation.number, ": ", failure));
  } else if (!state.dead) {
    operation.done = true;
    state.changed.notify_all();
  }
}

/// The caller holds the mutex.
void Operations::warn(State& state, const Operation& operation, double waited) {
  const std::string more = state.explain ? state.explain() : "";
  log::warning(state.who, ": ", operation.name, ", collective ", operation.number, ", has waited ",
               duration_text(waited), " for other ranks", more.empty() ? "" : "; ", more, "; the limit is ",
               duration_text(state.timeout_seconds));
}

void Operations::wait(State& state, const Operation& operation) {
  const auto begin = Clock::now();
  const auto limit =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(state.timeout_seconds));
  const auto answer = [&] { return operation.done || state.dead; };
  std::unique_lock lock(state.mutex);
  const double patience = std::min(kWarnAfter, state.timeout_seconds / 2);
  if (!state.changed.wait_for(lock, std::chrono::duration<double>(patience), answer)) warn(state, operation, patience);
  const bool answered = state.changed.wait_until(lock, limit, answer);
  if (operation.done) return;

  const double waited = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string place = cat(state.who, ": ", operation.name, ", collective ", operation.number, ", ended after ",
                                format("%.1f s: ", waited));
  if (answered) fail(ErrorKind::kComm, place, operation.failure.empty() ? state.reason : operation.failure);

  std::string why = cat("not done within the time limit of ", duration_text(state.timeout_seconds));
  if (state.running && state.running->number != operation.number)
    why += cat("; still at ", state.running->name, ", collective ", state.running->number);
  if (const std::string more = state.explain ? state.explain() : ""; !more.empty()) why += "; " + more;
  state.kill(cat(operation.name, ", collective ", operation.number, ": ", why));
  fail(ErrorKind::kComm, place, why);
}

}  // namespace lockstep::comm

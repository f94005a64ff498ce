#ifdef LOCKSTEP_CUDA

#include "watch.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "backends.h"
#include "cuda_calls.h"
#include "lockstep/core/thread.h"

namespace lockstep::comm {

using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kLook = std::chrono::milliseconds(2);

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string describe(const Watch::Collective& collective) {
  const std::string what =
      collective.buffer.data ? describe(collective.name, collective.buffer) : std::string(collective.name);
  return cat(what, ", GPU collective ", collective.number);
}

}  // namespace

struct Watch::State {
  std::string who;
  int gpu;
  double timeout_seconds;
  std::function<void()> look;
  std::function<void(const std::string&)> end;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Collective> all;          // addresses stay
  std::vector<Collective*> free;       // may be used again
  std::vector<Collective*> in_flight;  // in the order of their start
  int64_t started = 0;
  Clock::time_point last_end;
  double moving = 0;  // seconds
  std::atomic<bool> dead = false;
  std::string reason;  // why it is dead
  int64_t failed = 0;  // the collective that `reason` is about
  std::string why;     // `reason` without its name
  bool stopping = false, stopped = false;

  // The caller of each holds the mutex.
  void kill(const Collective* collective, const std::string& cause) {
    if (!dead) {
      why = cause;
      failed = collective ? collective->number : 0;
      reason = collective ? cat(describe(*collective), ": ", cause) : cause;
    }
    dead = true;
    changed.notify_all();
  }
  void release(Collective& collective) {
    if (collective.finished && collective.waited) free.push_back(&collective);
  }
  void finish_first();
  void require_alive(const Collective& collective) const;
  void check() {
    if (!dead) return;
    std::lock_guard lock(mutex);
    fail(ErrorKind::kComm, reason);
  }
  void look_around(std::unique_lock<std::mutex>& lock);
};

void Watch::State::finish_first() {
  Collective& first = *in_flight.front();
  float milliseconds = 0;
  if (first.counts && cudaEventElapsedTime(&milliseconds, first.moving, first.done) == cudaSuccess)
    moving += milliseconds * 1e-3;
  last_end = Clock::now();
  first.finished = true;
  in_flight.erase(in_flight.begin());
  release(first);
  changed.notify_all();
}

void Watch::State::require_alive(const Collective& collective) const {
  require(!dead, ErrorKind::kComm, who, ": ", describe(collective), ", ended after ",
          format("%.1f s: ", seconds_since(collective.began)), collective.number == failed ? why : reason);
}

void Watch::State::look_around(std::unique_lock<std::mutex>& lock) {
  while (!in_flight.empty() && in_flight.front()->recorded) {
    const cudaError_t state = cudaEventQuery(in_flight.front()->done);
    if (state == cudaErrorNotReady) break;
    if (state != cudaSuccess) return kill(in_flight.front(), cat("CUDA: ", cudaGetErrorString(state)));
    finish_first();
  }
  if (in_flight.empty()) return;
  const double waited = seconds_since(std::max(in_flight.front()->began, last_end));
  if (waited > timeout_seconds)
    return kill(in_flight.front(), cat("not done within the time limit of ", duration_text(timeout_seconds)));

  std::string wrong;
  lock.unlock();
  try {
    look();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  lock.lock();
  if (!wrong.empty()) kill(nullptr, wrong);
}

Watch::Watch(std::string who, int gpu, double timeout_seconds, std::function<void()> look,
             std::function<void(const std::string& reason)> end)
    : state_(std::make_shared<State>()) {
  state_->who = std::move(who);
  state_->gpu = gpu;
  state_->timeout_seconds = timeout_seconds;
  state_->look = std::move(look);
  state_->end = std::move(end);
  thread_ = std::thread([state = state_] { work(state); });
}

Watch::~Watch() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  const bool stopped = state_->changed.wait_for(lock, std::chrono::seconds(1), [&] { return state_->stopped; });
  lock.unlock();
  stopped ? thread_.join() : thread_.detach();
  if (state_->dead) return;  // what is still on the GPU may use the events
  for (const Collective& collective : state_->all)
    for (const cudaEvent_t event : {collective.ready, collective.moving, collective.done}) cudaEventDestroy(event);
}

void Watch::work(const std::shared_ptr<State>& state) {
  name_thread("GPU watch");
  cudaSetDevice(state->gpu);
  std::unique_lock lock(state->mutex);
  const auto over = [&] { return state->stopping || state->dead; };
  while (!over()) {
    state->changed.wait(lock, [&] { return over() || !state->in_flight.empty(); });
    if (!state->changed.wait_for(lock, kLook, over)) state->look_around(lock);
  }
  if (state->dead) {
    const std::string reason = state->reason;
    lock.unlock();
    state->end(reason);
    lock.lock();
  }
  state->look = nullptr;
  state->end = nullptr;
  state->stopped = true;
  state->changed.notify_all();
}

Watch::Collective& Watch::begin(const char* name, Buffer buffer, bool counts) {
  std::lock_guard lock(state_->mutex);
  if (state_->free.empty()) {
    Collective& made = state_->all.emplace_back();
    state_->free.push_back(&made);
    require_success(cudaSetDevice(state_->gpu), "cudaSetDevice");
    require_success(cudaEventCreateWithFlags(&made.ready, cudaEventDisableTiming), "cudaEventCreate");
    require_success(cudaEventCreateWithFlags(&made.moving, cudaEventDefault), "cudaEventCreate");
    require_success(cudaEventCreateWithFlags(&made.done, cudaEventDefault), "cudaEventCreate");
  }
  Collective& collective = *state_->free.back();
  state_->free.pop_back();
  collective.name = name;
  collective.buffer = buffer;
  collective.caller = static_cast<cudaStream_t>(buffer.stream);
  collective.number = ++state_->started;
  collective.counts = counts;
  collective.began = Clock::now();
  collective.recorded = collective.finished = collective.waited = false;
  state_->in_flight.push_back(&collective);
  state_->changed.notify_all();
  return collective;
}

void Watch::recorded(Collective& collective) {
  std::lock_guard lock(state_->mutex);
  collective.recorded = true;
}

void Watch::wait(Collective& collective) {
  {
    std::lock_guard lock(state_->mutex);
    state_->require_alive(collective);
  }
  require_success(cudaStreamWaitEvent(collective.caller, collective.done, 0), "cudaStreamWaitEvent");
  std::lock_guard lock(state_->mutex);
  collective.waited = true;
  state_->release(collective);
}

void Watch::close(Collective& collective) {
  std::lock_guard lock(state_->mutex);
  state_->require_alive(collective);
  collective.waited = true;
  state_->finish_first();
}

void Watch::drain() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->dead || state_->in_flight.empty(); });
  require(!state_->dead, ErrorKind::kComm, state_->reason);
}

void Watch::kill(const std::string& reason) {
  std::lock_guard lock(state_->mutex);
  state_->kill(nullptr, reason);
}

std::function<void()> Watch::checker() const {
  return [state = state_] { state->check(); };
}

bool Watch::dead() const { return state_->dead; }

double Watch::seconds_moving() const {
  std::lock_guard lock(state_->mutex);
  return state_->moving;
}

}  // namespace lockstep::comm

#endif

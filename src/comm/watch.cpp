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
  return collective.number > 0 ? cat(what, ", GPU collective ", collective.number) : what;
}

}  // namespace

struct Watch::State {
  std::string who;
  int gpu;
  double timeout_seconds;
  Outside outside;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Collective> all;          // addresses stay
  std::vector<Collective*> free;       // may be used again
  std::vector<Collective*> in_flight;  // in the order of their start
  int64_t started = 0;
  Clock::time_point last_end;
  double moving = 0;  // seconds
  std::atomic<bool> dead = false;
  std::string reason;                  // why it is dead
  const Collective* failed = nullptr;  // that `reason` is about
  std::string why;                     // `reason` without its name
  bool stopping = false, stopped = false;

  // The caller of each holds the mutex.
  void kill(const Collective* collective, const std::string& cause) {
    if (!dead) {
      why = cause;
      failed = collective;
      reason = collective ? cat(describe(*collective), ": ", cause) : cause;
    }
    dead = true;
    changed.notify_all();
  }
  void release(Collective& collective) {
    if (collective.finished && collective.waited) free.push_back(&collective);
  }
  void finish(Collective& collective);
  void require_alive(const Collective& collective) const;
  void check() {
    if (!dead) return;
    std::lock_guard lock(mutex);
    fail(ErrorKind::kComm, reason);
  }
  void look_around(std::unique_lock<std::mutex>& lock);
};

void Watch::State::finish(Collective& collective) {
  float milliseconds = 0;
  if (collective.counts && cudaEventElapsedTime(&milliseconds, collective.moving, collective.done) == cudaSuccess)
    moving += milliseconds * 1e-3;
  last_end = Clock::now();
  collective.finished = true;
  std::erase(in_flight, &collective);
  release(collective);
  changed.notify_all();
}

void Watch::State::require_alive(const Collective& collective) const {
  require(!dead, ErrorKind::kComm, who, ": ", describe(collective), ", ended after ",
          format("%.1f s: ", seconds_since(collective.began)), &collective == failed ? why : reason);
}

void Watch::State::look_around(std::unique_lock<std::mutex>& lock) {
  while (!in_flight.empty() && in_flight.front()->recorded) {
    const cudaError_t state = cudaEventQuery(in_flight.front()->done);
    if (state == cudaErrorNotReady) break;
    if (state != cudaSuccess) return kill(in_flight.front(), cat("CUDA: ", cudaGetErrorString(state)));
    finish(*in_flight.front());
  }
  if (in_flight.empty()) return;
  const Collective* first = in_flight.front();
  const bool is_late = seconds_since(std::max(first->began, last_end)) > timeout_seconds;
  const int64_t number = first->number;

  std::string wrong, missing;
  lock.unlock();
  try {
    outside.look();
    if (is_late && number > 0) missing = outside.explain(number);
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  lock.lock();
  if (!wrong.empty()) return kill(nullptr, wrong);
  const bool is_there = !in_flight.empty() && in_flight.front() == first && first->number == number;
  if (is_late && is_there)
    kill(first, cat("not done within the time limit of ", duration_text(timeout_seconds), missing.empty() ? "" : "; ",
                    missing));
}

Watch::Watch(std::string who, int gpu, double timeout_seconds, Outside outside) : state_(std::make_shared<State>()) {
  state_->who = std::move(who);
  state_->gpu = gpu;
  state_->timeout_seconds = timeout_seconds;
  state_->outside = std::move(outside);
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
    state->outside.end(reason);
    lock.lock();
  }
  state->outside.look = nullptr;
  state->outside.explain = nullptr;
  state->outside.end = nullptr;
  state->stopped = true;
  state->changed.notify_all();
}

Watch::Collective& Watch::begin(const char* name, Buffer buffer, bool counts) {
  return add(name, buffer, counts, false);
}

Watch::Collective& Watch::begin_alone(const char* name) { return add(name, {}, false, true); }

void Watch::expect(const char* name, cudaStream_t stream) {
  state_->check();
  Buffer nothing;
  nothing.stream = stream;
  Collective& work = begin(name, nothing, false);
  require_success(cudaEventRecord(work.done, stream), "cudaEventRecord");
  std::lock_guard lock(state_->mutex);
  work.recorded = work.waited = true;
}

Watch::Collective& Watch::add(const char* name, Buffer buffer, bool counts, bool is_alone) {
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
  collective.number = is_alone ? 0 : ++state_->started;
  if (!is_alone) state_->outside.begun(collective.number);
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
  state_->finish(collective);
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

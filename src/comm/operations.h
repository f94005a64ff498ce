#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// The one thread of a rank that performs its collectives, one after the other in the order in which they were started.
/// Callers wait for it with a time limit; after the first failure, time-out or end() every wait, now and later, throws
/// a comm Error that names `who`, the collective, its number, and the seconds waited. Half of the limit, a minute at
/// most, brings a warning.
///
/// Actions run on the thread. One that waits for other ranks must call checker()() every few milliseconds: it throws
/// once the operations are dead.
class Operations {
 public:
  /// who: "rank 1 (host)". explain: what a time-out's message adds, such as the ranks that are missing; from any
  /// thread.
  Operations(std::string who, double timeout_seconds, std::function<std::string()> explain = {});
  /// Gives the action that runs a second to end. A thread that is then still stuck in a library's call is left behind:
  /// actions that make such calls own what they use.
  ~Operations();
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  void rename(const std::string& who);  ///< from now on
  /// name: "allreduce of 4.0 MB".
  Pending start(std::string name, std::function<void()> action);
  /// The same, and the time that the action takes is part of seconds_exchanging().
  Pending start_exchange(std::string name, std::function<void()> action);
  void run(std::string name, std::function<void()> action) { start(std::move(name), std::move(action)).wait(); }

  /// Total time of the actions of start_exchange() that are done.
  double seconds_exchanging() const;
  /// From now on calls `action` on the thread every few milliseconds while nothing else runs there; what it throws
  /// kills the operations.
  void run_when_idle(std::function<void()> action);
  /// Throws the reason once the operations are dead; may outlive this object.
  std::function<void()> checker() const;
  bool dead() const;
  /// Kills with this reason and waits at most `limit` until `last` has run on the thread. Only the first call has an
  /// effect.
  void end(const std::string& reason, std::function<void()> last, std::chrono::milliseconds limit);

 private:
  struct State;
  struct Operation;
  Pending enqueue(const std::shared_ptr<Operation>& operation);
  static void work(const std::shared_ptr<State>& state);
  static void perform(State& state, Operation& operation);
  static void wait_for_work(State& state, std::unique_lock<std::mutex>& lock);
  static void wait(State& state, const Operation& operation);
  static void warn(State& state, const Operation& operation, double waited);

  std::shared_ptr<State> state_;  // outlives this object in a thread that is stuck
  std::thread thread_;
};

}  // namespace lockstep::comm

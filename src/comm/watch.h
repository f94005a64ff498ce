#pragma once

#ifdef LOCKSTEP_CUDA

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <cuda_runtime_api.h>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// The collectives that are in flight on a GPU, and the thread that watches over them: what Operations is for host
/// memory. They run in the order of begin(), on one stream. Every few milliseconds the thread looks for the end of the
/// first one, at its time limit, and asks `look`. After the first failure, time-out or kill() every wait, now and
/// later, throws a comm Error that names `who`, the collective, its number and the seconds since it began.
///
/// The time of a collective counts from begin() or from the end of the one before it, whichever is later: the work of
/// the caller's stream that it waits for is part of it.
class Watch {
 public:
  /// What the thread asks and tells. Each function owns what it uses.
  struct Outside {
    std::function<void()> look;                          ///< throws what is wrong elsewhere
    std::function<void(int64_t number)> begun;           ///< of each collective, by begin()'s thread
    std::function<std::string(int64_t number)> explain;  ///< who does not come; may take a second
    std::function<void(const std::string& reason)> end;  ///< told the reason, once
  };

  /// One collective; its events are used again and again.
  struct Collective {
    cudaStream_t caller;              ///< the stream that waits for it
    cudaEvent_t ready, moving, done;  ///< on the caller's stream: input is there; on ours: it moves; it is done
    const char* name;
    Buffer buffer;
    int64_t number;  ///< 1, 2, ... alike on all ranks; 0: it has none
    bool counts;     ///< as time under way
    std::chrono::steady_clock::time_point began;
    bool recorded, finished, waited;  ///< `done` is on the stream; the thread saw it; the caller waited
  };

  Watch(std::string who, int gpu, double timeout_seconds, Outside outside);
  /// Gives the thread a second to end; one that is then still inside a library is left behind.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// From now on in flight. The caller puts it on the stream, says so by recorded(), and waits once.
  Collective& begin(const char* name, Buffer buffer, bool counts);
  /// The same of what other ranks need not do alike. It ends by close() alone.
  Collective& begin_alone(const char* name);
  /// What the stream holds now is in flight; nobody waits for it. Throws when the watch is dead.
  void expect(const char* name, cudaStream_t stream);
  /// Its event `done` is recorded.
  void recorded(Collective& collective);
  /// Binds the caller's stream to it. Throws when the watch is dead.
  void wait(Collective& collective);
  /// What begin() began has ended without anything on a stream. Throws when the watch is dead.
  void close(Collective& collective);
  /// Blocks until nothing is in flight. Throws when the watch is dead.
  void drain();

  /// Only the first reason counts. Any thread.
  void kill(const std::string& reason);
  /// Throws the reason once the watch is dead. May outlive this object.
  std::function<void()> checker() const;
  bool dead() const;
  /// Total time of the collectives that count and are done.
  double seconds_moving() const;

 private:
  struct State;
  Collective& add(const char* name, Buffer buffer, bool counts, bool is_alone);
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // outlives this object in a thread that is stuck
  std::thread thread_;
};

}  // namespace lockstep::comm

#endif

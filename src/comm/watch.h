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
  /// One collective; its events are used again and again.
  struct Collective {
    cudaStream_t caller;              ///< the stream that waits for it
    cudaEvent_t ready, moving, done;  ///< on the caller's stream: input is there; on ours: it moves; it is done
    const char* name;
    Buffer buffer;
    int64_t number;
    bool counts;  ///< as time under way
    std::chrono::steady_clock::time_point began;
    bool recorded, finished, waited;  ///< `done` is on the stream; the thread saw it; the caller waited
  };

  /// look: throws what is wrong elsewhere. end: is told the reason, once, on the thread. Both own what they use.
  Watch(std::string who, int gpu, double timeout_seconds, std::function<void()> look,
        std::function<void(const std::string& reason)> end);
  /// Gives the thread a second to end; one that is then still inside a library is left behind.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// From now on in flight. The caller puts it on the stream, says so by recorded(), and waits once.
  Collective& begin(const char* name, Buffer buffer, bool counts);
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
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // outlives this object in a thread that is stuck
  std::thread thread_;
};

}  // namespace lockstep::comm

#endif

#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/core/error.h"

namespace lockstep::test {

/// Runs `action` on `size` ranks, each a thread of this process with a communicator of the backend "threads". A rank
/// that throws aborts the others. When all have ended, the failure that came first is thrown as an Error that names its
/// rank; one that ended a collective only where there is no other, since a rank may have aborted before it threw. The
/// ranks say that they are on so many hosts.
inline void run_ranks(int size, const std::function<void(comm::Communicator&)>& action, double timeout_seconds = 60,
                      int hosts = 1) {
  const auto communicators = comm::make_thread_communicators(size, timeout_seconds, hosts);
  std::mutex mutex;
  std::optional<Error> first;
  const auto run = [&](comm::Communicator& communicator) {
    const auto failed = [&](ErrorKind kind, const std::string& message) {
      {
        std::lock_guard lock(mutex);
        const bool is_cause = kind != ErrorKind::kComm;
        if (!first || (is_cause && first->kind() == ErrorKind::kComm))
          first.emplace(kind, cat("rank ", communicator.rank(), " of ", size, ": ", message));
      }
      communicator.abort(message);
    };
    try {
      action(communicator);
    } catch (const Error& error) {
      failed(error.kind(), error.what());
    } catch (const std::exception& error) {
      failed(ErrorKind::kBug, error.what());
    }
  };
  std::vector<std::thread> threads;
  for (const auto& communicator : communicators) threads.emplace_back(run, std::ref(*communicator));
  for (auto& thread : threads) thread.join();
  if (first) throw *first;
}

}  // namespace lockstep::test

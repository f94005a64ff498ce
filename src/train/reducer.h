#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "lockstep/comm/communicator.h"

namespace lockstep::train {

constexpr int64_t kFirstBucketBytes = int64_t{1} << 20;

/// The bytes of a bucket for a gradient of that many bytes: `asked`, at most an eighth of the gradient, since the last
/// bucket has nothing to hide behind; but 64 KiB at least, below which a bucket costs more than it hides.
int64_t bucket_size(int64_t gradient_bytes, int64_t asked);

/// Sums the gradients of all ranks in place, starting while backward still runs.
///
/// The flat gradient is laid out in the order in which backward finishes it, and is cut into buckets: a small first
/// one, so that the exchange begins early, then equal ones by bucket_size(). All ranks cut alike. The
/// caller owns `flat`, and leaves a finished slice alone until finish(). With one rank nothing is done and no time
/// passes. One thread.
class Reducer {
 public:
  /// flat: floats; on a GPU with the stream that computes them. The sizes are rounded down to whole floats, at least
  /// one.
  Reducer(comm::Communicator& communicator, comm::Buffer flat, int64_t bucket_bytes,
          int64_t first_bucket_bytes = kFirstBucketBytes);

  /// flat[0, end) is final on this rank: starts every bucket that is complete below `end`. Never waits for other ranks.
  void on_slice(int64_t end);
  /// Starts what is left, waits for all buckets, and is ready for the next step. Throws the communicator's comm Error.
  void finish();
  /// Ready for the next step, whatever was started: after a recording of a step has failed.
  void forget();

  /// Totals over all steps: how long finish() held the caller up, and how long buckets were on their way.
  double seconds_waited() const { return waited_.count(); }
  double seconds_exchanging() const { return communicator_.seconds_exchanging() - exchanged_before_; }
  /// Where each bucket ends, in floats.
  const std::vector<int64_t>& bucket_ends() const { return ends_; }

 private:
  using Clock = std::chrono::steady_clock;

  comm::Communicator& communicator_;
  comm::Buffer flat_;
  int64_t count_;
  double exchanged_before_;
  std::vector<int64_t> ends_;
  std::vector<comm::Pending> pending_;  // of this step: one for each bucket that was started
  int64_t final_below_ = 0;
  std::chrono::duration<double> waited_{0};
};

}  // namespace lockstep::train

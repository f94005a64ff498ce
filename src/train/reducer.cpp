#include "reducer.h"

#include <algorithm>
#include <utility>

#include "lockstep/core/error.h"

namespace lockstep::train {

int64_t bucket_size(int64_t gradient_bytes, int64_t asked) {
  constexpr int64_t kParts = 8, kLeast = 64 << 10;
  return std::min(asked, std::max(kLeast, gradient_bytes / kParts));
}

Reducer::Reducer(comm::Communicator& communicator, comm::Buffer flat, int64_t bucket_bytes, int64_t first_bucket_bytes)
    : communicator_(communicator),
      flat_(flat),
      count_(static_cast<int64_t>(flat.count)),
      exchanged_before_(communicator.seconds_exchanging()) {
  require(bucket_bytes > 0 && first_bucket_bytes > 0, ErrorKind::kUsage,
          "a bucket of gradients needs a positive size, not ", std::min(bucket_bytes, first_bucket_bytes), " bytes");
  bucket_bytes = bucket_size(static_cast<int64_t>(flat.bytes()), bucket_bytes);
  const auto floats = [](int64_t bytes) { return std::max<int64_t>(1, bytes / static_cast<int64_t>(sizeof(float))); };
  for (int64_t end = floats(std::min(first_bucket_bytes, bucket_bytes)); end < count_; end += floats(bucket_bytes))
    ends_.push_back(end);
  if (count_ > 0) ends_.push_back(count_);
}

void Reducer::on_slice(int64_t end) {
  require(end >= final_below_ && end <= count_, ErrorKind::kBug, "gradients were reported final up to ", end, " after ",
          final_below_, " of ", count_);
  final_below_ = end;
  if (communicator_.size() == 1) return;
  while (pending_.size() < ends_.size() && ends_[pending_.size()] <= end) {
    const int64_t begin = pending_.empty() ? 0 : ends_[pending_.size() - 1];
    comm::Buffer bucket = flat_;
    bucket.data = static_cast<float*>(flat_.data) + begin;
    bucket.count = static_cast<size_t>(ends_[pending_.size()] - begin);
    pending_.push_back(communicator_.start_allreduce(bucket, comm::Op::kSum));
  }
}

void Reducer::finish() {
  on_slice(count_);
  final_below_ = 0;
  if (pending_.empty()) return;
  const auto begin = Clock::now();
  auto started = std::exchange(pending_, {});
  for (comm::Pending& one : started) one.wait();
  waited_ += Clock::now() - begin;
}

void Reducer::forget() {
  final_below_ = 0;
  pending_.clear();
}

}  // namespace lockstep::train

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "lockstep/data/loader.h"

namespace lockstep::data {

/// A fixed number of equal blocks that batches live in, one after the other. A block comes back when the last copy of
/// the pointer to it dies, in whichever thread; when the loader is gone by then it is freed. Owned by a shared_ptr,
/// which every block out there shares.
///
/// `mutex` also guards the loader's own state and `changed` also tells of its changes: its threads wait for either.
class BatchMemory : public std::enable_shared_from_this<BatchMemory> {
 public:
  BatchMemory(const Allocate& allocate, size_t block_bytes, int blocks);

  /// Both with `mutex` held.
  bool has_free() const { return !free_.empty(); }
  std::shared_ptr<void> take();

  std::mutex mutex;
  std::condition_variable changed;

 private:
  void give_back(std::shared_ptr<void> block);
  std::vector<std::shared_ptr<void>> free_;
};

/// The parts of a block, for `samples` samples at most: pixels, then ids, then labels, each on a 64-byte boundary.
struct BatchLayout {
  size_t samples = 0, sample_pixels = 0, label_width = 0;
  size_t ids_offset() const { return aligned(samples * sample_pixels); }
  size_t labels_offset() const { return aligned(ids_offset() + samples * sizeof(int64_t)); }
  size_t bytes() const { return aligned(labels_offset() + samples * label_width * sizeof(float)); }

 private:
  static size_t aligned(size_t offset) { return (offset + 63) / 64 * 64; }
};

}  // namespace lockstep::data

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"
#include "lockstep/image/plan.h"

namespace lockstep::data {

/// Memory for a batch: plain in tests, pinned in training. The pointer owns it. Called by the loader's constructor
/// alone, in its thread; the memory may be freed by any thread.
using Allocate = std::function<std::shared_ptr<void>(size_t bytes)>;
Allocate plain_memory();

/// This rank's part of one global batch, in the sampler's order. Shares ownership of its memory, which goes back to the
/// loader when the last copy dies.
struct HostBatch {
  int64_t epoch = 0, index = 0;  ///< global batch `index` of epoch `epoch`
  bool last_of_epoch = false;
  int64_t count = 0;         ///< samples of this rank; may be 0
  int64_t global_count = 0;  ///< planned samples of the global batch over all ranks
  int channels = 0, height = 0, width = 0, label_width = 0;
  std::span<uint8_t> pixels;  ///< [count, height, width, channels], RGB
  std::span<float> labels;    ///< [count, label_width]
  std::span<int64_t> ids;     ///< [count]
  std::shared_ptr<void> memory;
};

struct LoaderOptions {
  int rank = 0, size = 1;
  image::PlanOptions plan;
  uint64_t seed = 1;                         ///< of the augmentation
  int64_t first_epoch = 0, first_batch = 0;  ///< where to begin
  int64_t epochs = 1;                        ///< ends before this epoch
  int threads = 1;                           ///< that decode
  int ahead = 3;  ///< batches kept ready; memory is bounded by (ahead + 2) batches and one picture a thread,
                  ///< so that the consumer may hold two
  int64_t max_pixels = 178'000'000;
  int64_t skip_bad = 0;  ///< unreadable samples (data Errors) that this rank may leave out in an epoch
  std::vector<int>
      label_map;  ///< label of the dataset -> label of the model; empty: the same. Multi-label: a permutation
  Allocate allocate = plain_memory();
};

/// Keeps the next few batches ready: threads read, plan, decode and transform ahead. Order and pixels depend on (seed,
/// epoch, sample id) alone, not on threads. One consumer thread.
class Loader {
 public:
  Loader(const Dataset& dataset, SamplerOptions sampler, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, also when this rank has no sample in it. Nothing after the last epoch. Rethrows a worker's Error,
  /// which names the sample, at the batch where it belongs; then there are no further batches, and each call throws it
  /// again. A bug Error when the consumer holds all the memory there is.
  std::optional<HostBatch> next();

  int64_t batches_per_epoch() const;
  double seconds_waited() const;  ///< the consumer in next(), so far
  int64_t skipped() const;        ///< unreadable samples left out, so far
  size_t memory_bytes() const;    ///< of the batches, taken when the loader is made

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::data

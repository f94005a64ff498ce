#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
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

class PictureCache;

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
  bool adapts = false;                            ///< fewer threads work while they are faster than the consumer
  std::shared_ptr<PictureCache> cache = nullptr;  ///< of decoded pictures
  size_t cached_from = 0;                         ///< sample 0 has this number in the cache
};

/// How a configuration asks for pictures; `training`: with randomness.
image::PlanOptions plan_options(const Config& config, bool training);

/// Where the time went since a loader was made; subtract an earlier one for a span. Seconds of all its threads
/// together, but for the last three.
struct LoaderTimes {
  int64_t samples = 0;
  double read = 0;      ///< until the bytes of a sample were in memory
  double plan = 0;      ///< header and random draws
  double decode = 0;    ///< or the copy out of the cache
  double apply = 0;     ///< resize, crop, colours; into the batch
  double transfer = 0;  ///< batches on their way to a GPU, by its own clock; the loader leaves 0, the consumer fills it
  double waited = 0;    ///< the consumer, in next()
  double elapsed = 0;   ///< on the clock

  double busy() const { return read + plan + decode + apply; }
  LoaderTimes operator-(const LoaderTimes& earlier) const;
};

/// What a run waits for.
enum class Bound {
  kCompute,  ///< not the input (network, exchange): its consumer waited at most 5 % of the time
  kStorage,  ///< the threads wait for bytes more than they work on them
  kDecode,   ///< the threads are busy with pictures
  /// The way to a GPU: batches were on it for 90 % of the time or more. They travel beside the network's work, so less
  /// costs nothing. None on a CPU.
  kTransfer
};
Bound bound_of(const LoaderTimes& times);
/// "compute", "storage", "decode", "transfer".
const char* bound_name(Bound bound);
/// For people, with what to do: "input: the network is the bound (waited 0.3 % for data)".
std::string bound_text(const LoaderTimes& times);

/// Keeps the next few batches ready: threads read, plan, decode and transform ahead. Order and pixels depend on (seed,
/// epoch, sample id) alone, not on threads and not on the cache. One consumer thread.
///
/// One more thread tells the dataset which samples the batches after those will need (Dataset::will_read). With
/// `adapts`, every 32 batches the number of threads at work follows the load: one less where 1.3 times the load would
/// be done without it, half as many more as soon as the consumer waits for 2 % of the time. A number that was too small
/// once is not tried again.
class Loader {
 public:
  Loader(const Dataset& dataset, const SamplerOptions& sampler, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, also when this rank has no sample in it. Nothing after the last epoch. Rethrows a worker's Error,
  /// which names the sample, at the batch where it belongs; then there are no further batches, and each call throws it
  /// again. A bug Error when the consumer holds all the memory there is.
  std::optional<HostBatch> next();

  int64_t batches_per_epoch() const;
  double seconds_waited() const;  ///< the consumer in next(), so far
  LoaderTimes times() const;
  int active_threads() const;   ///< at work now, of `threads`
  int64_t skipped() const;      ///< unreadable samples left out, so far
  size_t memory_bytes() const;  ///< of the batches, taken when the loader is made

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::data

#pragma once

#include <string>
#include <vector>

#include "lockstep/data/loader.h"

namespace lockstep::data {

/// What `lockstep bench-input` was asked for.
struct BenchInputOptions {
  std::string source;                  ///< a configuration, or data (.rec): input 3,224,224, random resized crops
  std::vector<std::string> overrides;  ///< key=value, of a configuration
  int threads = 0;                     ///< 0: run.loader_threads, else the available cores
  bool floats = false;     ///< batches become normalised floats [N, C, H, W] too; by the consumer, one thread more
  int64_t images = 0;      ///< to measure, but 0.2 seconds' worth at least; 0: 5 seconds' worth
  bool seek_index = true;  ///< used where there is one
};

struct InputSpeed {
  double images_per_second = 0;
  int64_t images = 0;
  int threads = 1;
  int64_t samples = 0;  ///< of the dataset
  int64_t indexed = 0;  ///< of 256 of them, spread evenly, or all: those that have seek points
  int64_t looked_at = 0;
  LoaderTimes times;           ///< of the measured images
  double convert_seconds = 0;  ///< to floats
  uint64_t batch_bytes = 0;    ///< memory for batches
  std::string what;            ///< "3x224x224 u8, random_resized_crop, bilinear"
};

/// Feeds batches (of 64; of a configuration: of mini_batch_size) to nobody. Warms up until every block of memory has
/// been used and every sample has been seen or 2 seconds have passed; then measures. Errors as load_config's and
/// Loader's.
InputSpeed measure_input(const BenchInputOptions& options);

}  // namespace lockstep::data

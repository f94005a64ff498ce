#include "lockstep/train/run.h"

#include "lockstep/nn/memory.h"
#include "rank.h"
#include "stop_signal.h"

namespace lockstep::train {

int run(const RunOptions& options) {
  catch_stop_signals();
  nn::keep_memory();
  const LoadedConfig loaded = load_config(options.config, options.overrides);
  const auto communicator =
      comm::make_communicator("auto", comm::discover_launch(), loaded.config.run.collective_timeout);
  try {
    return run_rank(loaded, options.dry_run, *communicator);
  } catch (const std::exception& error) {
    communicator->abort(error.what());
    throw;
  }
}

}  // namespace lockstep::train

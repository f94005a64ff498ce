#include "lockstep/train/run.h"

#include <chrono>
#include <thread>

#include "job.h"
#include "lockstep/nn/memory.h"
#include "rank.h"
#include "stop_signal.h"

namespace lockstep::train {
namespace {

// Most errors meet every rank alike. Rank 0 speaks first, and a launcher that ends the job then spares the user the
// repetition.
constexpr auto kCourtesy = std::chrono::seconds(3);

}  // namespace

int run(const RunOptions& options) {
  catch_stop_signals();
  nn::keep_memory();
  const comm::Launch launch = comm::discover_launch();
  std::unique_ptr<comm::Communicator> communicator;
  try {
    const LoadedConfig loaded = load_config(options.config, options.overrides);
    communicator = comm::make_communicator(choose_backend(loaded.config.run, launch), launch,
                                           loaded.config.run.collective_timeout);
    return run_rank(loaded, options.dry_run, *communicator);
  } catch (const std::exception& error) {
    if (communicator) communicator->abort(error.what());
    if (launch.rank > 0) std::this_thread::sleep_for(kCourtesy);
    throw;
  }
}

}  // namespace lockstep::train

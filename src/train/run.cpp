#include "lockstep/train/run.h"

#include <filesystem>
#include <iostream>

#include "announce.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/nn/memory.h"
#include "resume.h"
#include "trainer.h"

namespace lockstep::train {
namespace {

void make_folder(const Path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot be made: ", error.message());
}

int run_rank(const LoadedConfig& loaded, const RunOptions& options, comm::Communicator& communicator) {
  const bool leads = communicator.rank() == 0;
  const Run& run = loaded.config.run;
  if (!options.dry_run) {
    require(!run.output.empty(), ErrorKind::kUsage, "run.output is not set: name the folder of the run, as run.output=runs/first");
    if (leads) make_folder(run.output);
    log::start(communicator.rank(), communicator.size(), leads ? (Path(run.output) / "log.txt").string() : "");
  }
  Job job = prepare(loaded, communicator);
  if (options.dry_run) {
    if (leads) std::cout << plan_text(job) << std::flush;
    return 0;
  }
  if (leads) {
    write_atomic(Path(run.output) / "config.yaml", to_yaml(job.config));
    announce(job);
  }
  Trainer trainer(job, communicator);
  const Path summary = Path(run.output) / "summary.json";
  if (trainer.done() && std::filesystem::exists(summary)) {
    log::info("nothing to do: the run in ", run.output, " is finished; a larger `epochs` extends it");
    return 0;
  }
  if (leads) std::filesystem::remove(summary);  // it is the mark of a finished run
  trainer.run();
  communicator.barrier();
  return 0;
}

}  // namespace

int run(const RunOptions& options) {
  nn::keep_memory();
  const LoadedConfig loaded = load_config(options.config, options.overrides);
  const auto communicator = comm::make_communicator("auto", comm::discover_launch(), loaded.config.run.collective_timeout);
  try {
    return run_rank(loaded, options, *communicator);
  } catch (const std::exception& error) {
    communicator->abort(error.what());
    throw;
  }
}

}  // namespace lockstep::train

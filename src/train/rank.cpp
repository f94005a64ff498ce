#include "rank.h"

#include <filesystem>
#include <iostream>

#include "announce.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "trainer.h"

namespace lockstep::train {
namespace {

constexpr int kStopped = 75;  // exit code: complete checkpoint, start again to go on

void make_folder(const Path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot be made: ", error.message());
}

}  // namespace

int run_rank(const LoadedConfig& loaded, bool dry_run, comm::Communicator& communicator) {
  const bool leads = communicator.rank() == 0;
  const Run& run = loaded.config.run;
  if (!dry_run) {
    require(!run.output.empty(), ErrorKind::kUsage,
            "run.output is not set: name the folder of the run, as run.output=runs/first");
    if (leads) make_folder(run.output);
    log::start(communicator.rank(), communicator.size(), leads ? (Path(run.output) / "log.txt").string() : "");
  }
  Job job = prepare(loaded, communicator);
  if (dry_run) {
    if (leads) std::cout << plan_text(job) << std::flush;
    return 0;
  }
  if (leads) {
    write_atomic(Path(run.output) / "config.yaml", to_yaml(job.config));
    announce(job);
  }
  Trainer trainer(job, communicator);
  if (trainer.done()) log::info("nothing to do: the run in ", run.output, " is finished; a larger `epochs` extends it");
  const bool finished = trainer.run();
  communicator.barrier();
  if (!finished)
    log::info("stopped by a signal behind step ", job.state.step, "; start again with the same command to go on");
  return finished ? 0 : kStopped;
}

}  // namespace lockstep::train

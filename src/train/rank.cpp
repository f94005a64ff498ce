#include "rank.h"

#include <filesystem>
#include <iostream>

#include "announce.h"
#include "attempts.h"
#include "lockstep/config/sagemaker.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "micro_batch.h"
#include "stop_signal.h"
#include "trainer.h"

namespace lockstep::train {
namespace {

// Exit codes.
constexpr int kStopped = 75;     // a complete checkpoint: start again to go on
constexpr int kNoProgress = 76;  // the same step failed again and again: do not start again

void make_folder(const Path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, ErrorKind::kIo, folder.string(), ": cannot be made: ", error.message());
}

/// Files that a killed start was writing. They have the names that a file has before it is complete: NAME.tmp-PID and
/// NAME.writing-PID or NAME.writing.
void remove_leftovers(const Path& folder) {
  std::error_code ignored;
  std::vector<Path> found;
  for (const auto& file : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string end = file.path().extension();
    if (file.is_regular_file(ignored) && (end.starts_with(".tmp-") || end.starts_with(".writing")))
      found.push_back(file.path());
  }
  for (const Path& file : found) std::filesystem::remove(file, ignored);
}

Trainer::End train(Job& job, StopWish& wish, Attempts& attempts, comm::Communicator& communicator) {
  while (true) {
    Trainer trainer(job, wish, communicator);
    if (trainer.done() && !job.state.evaluation_due)
      log::info("nothing to do: the run in ", job.config.run.output, " is finished; a larger `epochs` extends it");
    const Trainer::End end = trainer.run();
    if (communicator.rank() == 0 && trainer.got_on()) attempts.succeed();
    if (end != Trainer::End::kNewBatch) return end;
    set_batch(job, job.nominal_batch());
    job.micro_batch = choose_micro_batch(job.config.run.micro_batch, *job.learner.network, job.compute.precision,
                                         job.share(), communicator);
    log::info("steps have ", job.global_batch(), " samples from here on");
  }
}

}  // namespace

int run_rank(const LoadedConfig& loaded, bool dry_run, comm::Communicator& communicator) {
  const bool leads = communicator.rank() == 0;
  const Run& run = loaded.config.run;
  if (!dry_run) {
    require(!run.output.empty(), ErrorKind::kUsage,
            "run.output is not set: name the folder of the run, as run.output=runs/first");
    if (leads) {
      make_folder(run.output);
      remove_leftovers(run.output);
      remove_leftovers(Path(run.output) / "model");
    }
    log::start(communicator.rank(), communicator.size(), leads ? (Path(run.output) / "log.txt").string() : "");
  }
  StopWish wish(run);
  Job job = prepare(loaded, communicator);
  require(static_cast<int>(job.data.train->size()) >= communicator.size(), ErrorKind::kUsage, "channels.train has ",
          job.data.train->size(), " samples for ", communicator.size(),
          " ranks, and some would never get one; start fewer ranks");
  if (dry_run) {
    if (leads) std::cout << plan_text(job) << std::flush;
    return 0;
  }
  if (leads) {
    write_atomic(Path(run.output) / "config.yaml", to_yaml(job.config));
    write_atomic(Path(run.output) / "hyperparameters.json", to_sagemaker(job.config).json);
    announce(job);
  }
  Attempts attempts(run.output);
  if (leads) remove_when_asked(attempts.file().c_str());  // a start that was asked to stop has not failed
  std::vector<int64_t> failed{leads ? attempts.begin(job.state.step) : 0};
  begin_orderly_stop();  // on all ranks before the first of them trains
  communicator.allreduce(comm::buffer(failed));
  if (failed[0] >= Attempts::kMost) {
    log::error("the run in ", run.output, " failed ", failed[0], " times in a row without getting past step ",
               job.state.step, "; find the cause in log.txt, remove ", run.output, "/attempts.json, and start again");
    return kNoProgress;
  }
  const Trainer::End end = train(job, wish, attempts, communicator);
  communicator.barrier();
  if (leads) attempts.succeed();
  if (end == Trainer::End::kFinished) return 0;
  log::info("stopped behind step ", job.state.step, "; start again with the same command to go on");
  return kStopped;
}

}  // namespace lockstep::train

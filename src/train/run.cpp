#include "lockstep/train/run.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include "job.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/nn/memory.h"
#include "lockstep/train/versions.h"
#include "rank.h"
#include "rehearsal.h"
#include "stop_signal.h"

namespace lockstep::train {
namespace {

/// Before it leaves. Most errors meet every rank alike: rank 0 speaks first, and a launcher that ends the job then
/// spares the user the repetition. Ranks that only heard of an error, or waited in vain, leave the exit code to the one
/// whose error it was.
std::chrono::milliseconds courtesy(const std::exception& error, const comm::Launch& launch) {
  if (launch.size == 1) return std::chrono::milliseconds(0);
  const auto* known = dynamic_cast<const Error*>(&error);
  if (known && known->kind() == ErrorKind::kComm) return std::chrono::milliseconds(3000);
  return std::chrono::milliseconds(launch.rank > 0 ? 1500 : 0);
}

/// srun reports the largest exit code of all ranks, and ends those that are left when one has failed: a rank that only
/// heard of the error must not hide the code of the one whose error it was.
int code_when_ended(const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  if (!known) return exit_code(ErrorKind::kBug);
  return known->kind() == ErrorKind::kComm ? 1 : exit_code(known->kind());
}

constexpr double kMeetingSeconds = 8;

/// A rank that cannot even read its configuration tells the others, which would wait for it.
LoadedConfig load(const RunOptions& options, const comm::Launch& launch) try {
  return load_config(options.config, options.overrides);
} catch (const Error& error) {
  if (launch.size == 1) throw;
  leave_with(code_when_ended(error));
  try {
    comm::make_communicator("auto", launch, kMeetingSeconds)->abort(error.what());
  } catch (const Error&) {
    log::warning("the other ranks could not be told");
  }
  throw;
}

/// Ranks of different programs would compute different weights, or wait for each other for ever. Asked before the data
/// are opened, which takes long.
void compare_programs(comm::Communicator& communicator) {
  const auto all = comm::gather_texts(communicator, describe_program());
  const auto different = std::find_if(all.begin(), all.end(), [&](const auto& text) { return text != all[0]; });
  require(different == all.end(), ErrorKind::kUsage, "the ranks are not the same program: rank 0 is ", all[0],
          "; rank ", different - all.begin(), " is ", different == all.end() ? "" : *different,
          "; install the same on every host");
}

}  // namespace

int run(const RunOptions& options) {
  catch_stop_signals();
  nn::keep_memory();
  const comm::Launch launch = comm::discover_launch();
  std::unique_ptr<comm::Communicator> communicator;
  try {
    const LoadedConfig loaded = load(options, launch);
    communicator = comm::make_communicator(choose_backend(loaded.config.run, launch), launch,
                                           loaded.config.run.collective_timeout);
    compare_programs(*communicator);
    if (options.rehearsed_batches == 0) return run_rank(loaded, options.dry_run, *communicator);
    const Rehearsal rehearsal = rehearse(loaded, options.rehearsed_batches, *communicator);
    if (launch.rank == 0) std::cout << summary_text(rehearsal) << std::flush;
    return 0;
  } catch (const std::exception& error) {
    leave_with(code_when_ended(error));
    if (communicator) communicator->abort(error.what());
    std::this_thread::sleep_for(courtesy(error, launch));
    throw;
  }
}

}  // namespace lockstep::train

#pragma once

#include <cstdint>
#include <string>

#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"

namespace lockstep::train {

/// What the first batches of a run showed, as this rank saw it; rank 0's figures are those to go by. Seconds.
struct Rehearsal {
  int64_t batches = 0;
  int64_t global_batch = 0;
  int ranks = 1;
  double first_step = 0;  ///< behind it, since the program was loaded
  double step = 0;        ///< median of the later ones, the wait for data included
  double images_per_second = 0;
  double data_share = 0;      ///< of the steps' time, that this rank waited for pictures
  int64_t evaluated = 0;      ///< samples of the validation set
  double evaluation = 0;      ///< of the whole set, by those samples
  double snapshot = 0;        ///< training stands still for it at each checkpoint
  double save = 0, load = 0;  ///< of the checkpoint; rank 0
  int64_t checkpoint_bytes = 0;
  int64_t memory_bytes = 0;  ///< host memory at most, of the rank that needed the most
  double run = 0;            ///< of the whole run: all epochs with their evaluation and checkpoint
};

/// The rehearsal of a run on all ranks: `batches` steps of real samples, an evaluation of the validation set or of as
/// much of it as ten seconds allow, a checkpoint that is written, read again and compared bit by bit with what was
/// written, on every rank. Begins where a new start of the run would that finds its folder empty; whatever run.output
/// holds stays as it is. Files go to OUTPUT.try beside it, which is removed again. Throws what a run would; io or bug
/// Error naming what differs where the checkpoint does not read back equal.
Rehearsal rehearse(const LoadedConfig& loaded, int64_t batches, comm::Communicator& communicator);

/// One line for people.
std::string summary_text(const Rehearsal& rehearsal);

}  // namespace lockstep::train

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job.h"
#include "lockstep/model/card.h"
#include "lockstep/model/checkpoint.h"

namespace lockstep::train {

/// The checkpoint that a run goes on from, as rank 0 found it; the texts are on every rank, the tensors on rank 0
/// alone.
struct Resume {
  Path path;
  model::checkpoint::Content content;
  std::vector<std::string> notes;  ///< damaged ones that were passed over

  model::Card card() const;    ///< of the run so far
  model::Graph graph() const;  ///< that it trains
};

/// What `run.resume` and `run.output` say. Nothing: the run begins. Usage Error where the two contradict each other
/// (must, and there is no checkpoint; never, and there is one), and where a host that shares no disk with rank 0's has
/// a newer checkpoint than rank 0.
std::optional<Resume> find_resume(const Config& config, comm::Communicator& communicator);

/// Goes on from it: weights, statistics, moments, state, on all ranks. Usage Error listing the changed keys that a run
/// may not change.
void resume(Job& job, const Resume& from, comm::Communicator& communicator);

}  // namespace lockstep::train

#pragma once

#include "job.h"
#include "lockstep/data/loader.h"
#include "step.h"

namespace lockstep::train {

/// What a Step is told, by a job.
StepOptions step_options(const Job& job);

/// What a Loader of the training set is told, which goes on where the job's state stands; or one of the validation set.
data::LoaderOptions loader_options(const Job& job, bool training);

}  // namespace lockstep::train

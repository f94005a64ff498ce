#pragma once

#include <string>
#include <vector>

#include "lockstep/config/config.h"

namespace lockstep {

/// The way back: the run's settings as SageMaker's built-in algorithm takes them.
struct SageMakerSettings {
  std::string json;                 ///< hyperparameters.json: every value a text, flags as that algorithm spells them
  std::vector<std::string> beyond;  ///< "run.label_smoothing: 0.1": what changes the result and has no word there
};
SageMakerSettings to_sagemaker(const Config& config);

}  // namespace lockstep

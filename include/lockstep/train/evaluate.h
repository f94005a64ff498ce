#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/track/metrics.h"

namespace lockstep::train {

/// What `lockstep evaluate` was asked for.
struct EvaluateOptions {
  Path model;                     ///< as model::read_artefact() takes it
  std::vector<std::string> data;  ///< as channels.validation takes it
  std::string list;               ///< .lst of the images in `data`; usually empty
  std::string content_type;       ///< of `data`, with its parameters (label-format, attribute-names); usually empty
  Path s3_root;                   ///< manifests: local folder of the buckets of s3:// addresses
  bool drop_without_category = false;  ///< COCO: leave out pictures that show nothing that the model knows
  std::string inference_resize;        ///< "stretch" or "crop" instead of what the model says; empty: the model's
  int64_t batch = 64;
  int64_t threads = 0;     ///< of the network and of the loader each; 0: available cores
  double threshold = 0.5;  ///< multi-label
  int64_t skip_bad = 0;    ///< unreadable samples that may be left out
};

struct Evaluation {
  track::Report report;
  std::vector<std::string> classes;
  int64_t skipped = 0;
  double images_per_second = 0;
};

/// Every sample once, preprocessed as the model's card says. Under mpirun the ranks share the samples and all get the
/// same report.
Evaluation evaluate_model(const EvaluateOptions& options);

}  // namespace lockstep::train

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

/// `C,H,W`, as SageMaker writes it: the network's input in pixels.
struct ImageShape {
  int channels = 3;
  int height = 224;
  int width = 224;
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// One source of samples or weights. In YAML a path, a list of paths, or a mapping of these names.
struct Channel {
  std::vector<std::string>
      paths;                 ///< files or folders, relative to the working directory; empty: the channel is not given
  std::string content_type;  ///< SageMaker's ContentType; empty: found out from the files
  std::string distribution = "FullyReplicated";
  std::string label_format = "auto";  ///< auto | multi-hot | class-id (multi-label data only)
  /// Manifests, SageMaker's AttributeNames: the picture's, then the label's, which may be missing; empty: found out.
  std::vector<std::string> attribute_names;
  bool given() const { return !paths.empty(); }
  friend bool operator==(const Channel&, const Channel&) = default;
};

/// What a changed key means when a run goes on from a checkpoint (DESIGN: resume).
enum class OnResume { kHarmless, kWarned, kRefused };

// One struct a section, its members from the one table of keys (src and --help read the same rows).
struct Channels {
#define CHANNEL(name, resume, meaning) Channel name;
#include "lockstep/config/keys.def"
  friend bool operator==(const Channels&, const Channels&) = default;
};

struct Hyperparameters {
#define HYPERPARAMETER(type, name, initial, valid, resume, meaning) type name = initial;
#include "lockstep/config/keys.def"
  friend bool operator==(const Hyperparameters&, const Hyperparameters&) = default;
};

struct Run {
#define RUN(type, name, initial, valid, resume, meaning) type name = initial;
#include "lockstep/config/keys.def"
  friend bool operator==(const Run&, const Run&) = default;
};

/// The whole run as plain typed data. load_config() makes it, resolve() completes it once, then it never changes.
struct Config {
  Channels channels;
  Hyperparameters hyperparameters;
  Run run;

  /// Hyperparameters came from SageMaker's JSON: its counting (`last_batch: drop`) and its tolerance (unknown keys and
  /// wrong counts are loud warnings) apply.
  bool sagemaker_json = false;
  /// Full key ("run.seed") -> where its value came from ("default", "first.yaml:12", "command line", "counted",
  /// "model").
  std::map<std::string, std::string> origins;
};

}  // namespace lockstep

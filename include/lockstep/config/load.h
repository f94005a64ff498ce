#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lockstep/config/config.h"
#include "lockstep/core/file.h"

namespace lockstep {

/// What reading a configuration found: the merged Config and what the user should be told.
struct LoadedConfig {
  Config config;
  std::vector<std::string> warnings;
};

/// Reads `file` (YAML with the three sections, or SageMaker's hyperparameters.json, told by its content), then applies
/// `overrides`: `run.seed=3`, or `seed=3` where the last part is unique. `hyperparameters:` may name SageMaker's JSON
/// file. Throws one usage Error that lists all mistakes, each with file and line (or the override) and the nearest
/// name. The file is 1 MiB at most. In an override `;` separates several paths of a channel, and
/// `channels.train.content_type=...` sets one of its names.
LoadedConfig load_config(const Path& file, std::span<const std::string> overrides);

/// The same from a text, without overrides; `where` stands for the file in messages.
LoadedConfig load_config_text(const std::string& text, const std::string& where);

/// The merged configuration as YAML that load_config() reads to an equal Config. Keys that are unset are left out.
std::string to_yaml(const Config& config);

/// The same as a table for people: full key, value, where the value came from.
std::string origins_table(const Config& config);

/// What the training data say. `class_counts` has one entry a class; multi-label: samples that carry the label.
struct DatasetFacts {
  int64_t samples = 0;
  int64_t classes = 0;
  std::vector<std::string> class_names;  ///< empty where the format has none
  std::vector<int64_t> class_counts;
};

/// What the model says that a run starts from, or goes on from. An empty network, and 0 classes, mean that it does not
/// say.
struct ModelFacts {
  std::string name = "the model of channels.model";  ///< for messages
  std::string network;
  std::optional<int64_t> num_layers;
  std::optional<ImageShape> image_shape;
  int64_t num_classes = 0;
  std::optional<int64_t> resize;
  std::vector<double> mean, std;
  std::string interpolation;
  bool is_pretrained = false;  ///< of use_pretrained_model: its last layer is new, and pictures may have another size
};

/// Completes the configuration: num_classes and num_training_samples are counted, network, num_layers, image_shape and
/// preprocessing come from the model when the configuration is silent. Another value than the data's, or than the
/// model's network, num_layers and image_shape, is a usage Error showing both; where SageMaker's JSON says it, a
/// warning about num_training_samples (the counted number is used) and about more classes than the data have. A model
/// of another number of classes gets a new last layer, with a warning; SageMaker's JSON with a model channel refuses
/// that. Also what only data can tell: mini_batch_size against the number of samples, labels against num_classes. All
/// mistakes in one Error.
LoadedConfig resolve(Config config, const DatasetFacts& data, const std::optional<ModelFacts>& model);

/// A key whose values differ between two configurations.
struct Difference {
  std::string key, before, after;
  OnResume on_resume;
};
/// In the order of the table; keys of the machine or of the log are among them as kHarmless. A key without a value is
/// "unset".
std::vector<Difference> differences(const Config& before, const Config& after);

/// One row of the table of keys, for `--help`, README and tests.
struct KeyRow {
  std::string name;     ///< full: "hyperparameters.learning_rate"
  std::string type;     ///< "integer", "number", "text", "true/false", "list", "C,H,W", "path"
  std::string initial;  ///< as the user would write it; empty: unset
  std::string valid;    ///< "0..1", "sgd|adam|rmsprop|nag", empty: any
  std::string meaning;
  OnResume on_resume;
};
const std::vector<KeyRow>& key_rows();

/// All rows for `--help`: name, type, valid values, default and meaning.
std::string keys_help();

}  // namespace lockstep

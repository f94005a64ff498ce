#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lockstep/config/load.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/checkpoint.h"
#include "rank.h"
#include "support/ranks.h"
#include "support/temp_folder.h"
#include "support/toy_records.h"

namespace lockstep::train {

/// Toy data and a small network that learns them: 44 samples, 4 steps an epoch, 2 epochs.
class ToyRun : public testing::Test {
 protected:
  void SetUp() override {
    test::make_toy_records(folder_ / "train", 44, 4, 12);
    test::make_toy_records(folder_ / "val", 18, 4, 12);
  }

  /// `hyperparameters` and `run`: further settings, one a line.
  std::string config(const std::string& output, const std::string& hyperparameters = "",
                     const std::string& run = "") const {
    return cat("channels:\n  train: ", (folder_ / "train.rec").string(),
               "\n  validation: ", (folder_ / "val.rec").string(),
               "\nhyperparameters:\n  num_layers: 20\n  image_shape: 3,8,8\n  mini_batch_size: 12\n  epochs: 2\n  "
               "learning_rate: 0.05\n",
               hyperparameters, "run:\n  output: ", (folder_ / output).string(),
               "\n  device: cpu\n  compute_threads: 1\n  loader_threads: 1\n", run);
  }

  static std::string with_epochs(std::string text, int epochs) {
    return text.replace(text.find("epochs: 2"), 9, cat("epochs: ", epochs));
  }

  /// Rank 0's exit code.
  int train(const std::string& text, int ranks = 1, int hosts = 1) const {
    const LoadedConfig loaded = load_config_text(text, "test.yaml");
    int code = -1;
    const auto run = [&](comm::Communicator& communicator) {
      const int mine = run_rank(loaded, false, communicator);
      if (communicator.rank() == 0) code = mine;
    };
    test::run_ranks(ranks, run, 60, hosts);
    return code;
  }

  std::vector<nlohmann::json> events(const std::string& output, const std::string& name) const {
    std::vector<nlohmann::json> found;
    for (const std::string& line : split(read_text(folder_ / output / "metrics.jsonl"), '\n'))
      if (!line.empty())
        if (auto json = nlohmann::json::parse(line); json["event"] == name) found.push_back(std::move(json));
    return found;
  }

  /// FOLDER/spoilt: a trained model with a weight that is not a number.
  void make_spoilt_model() const {
    train(config("first"));
    model::Artefact artefact = model::read_artefact(folder_ / "first" / "model");
    for (model::Array& array : artefact.arrays)
      if (array.name == "arg:fc1_bias")
        array = model::float_array(array.name, array.shape, std::vector<float>(4, NAN).data());
    model::write_artefact(folder_ / "spoilt", artefact, false);
  }

  /// All tensors of a run's last checkpoint.
  model::Arrays weights(const std::string& output) const {
    return model::checkpoint::load(*model::checkpoint::find_latest(folder_ / output / "checkpoints")).tensors;
  }

  test::TempFolder folder_;
};

/// Between the trained weights, relative to the largest of them.
inline double largest_difference(const model::Arrays& a, const model::Arrays& b) {
  double largest = 0, scale = 0;
  for (const model::Array& array : a) {
    if (!array.name.starts_with("arg:")) continue;
    const auto x = model::to_floats(array), y = model::to_floats(*model::find_array(b, array.name));
    for (size_t i = 0; i < x.size(); ++i) {
      largest = std::max(largest, std::abs(double(x[i]) - y[i]));
      scale = std::max(scale, std::abs(double(x[i])));
    }
  }
  return largest / scale;
}

inline void expect_same_bytes(const model::Arrays& a, const model::Arrays& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const model::Array& array : a) EXPECT_EQ(array.data, model::find_array(b, array.name)->data) << array.name;
}

inline bool all_finite(const model::Arrays& arrays) {
  for (const model::Array& array : arrays)
    for (const float value : model::to_floats(array))
      if (!std::isfinite(value)) return false;
  return true;
}

}  // namespace lockstep::train

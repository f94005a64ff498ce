#include "lockstep/config/sagemaker.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "keys.h"
#include "lockstep/core/text.h"

namespace lockstep {
namespace {

/// What the key says there: early stopping is a Python boolean, the other flags are numbers.
std::string spelt(const PrintedKey& key) {
  const std::string_view name = key.key.name;
  if (name == "early_stopping") return key.value == "true" ? "True" : "False";
  if (name == "multi_label" || name == "use_pretrained_model" || name == "use_weighted_loss")
    return key.value == "true" ? "1" : "0";
  return key.value;
}

/// Hyperparameters that have no value there: "none", and what only this program knows.
bool is_known_there(const PrintedKey& key) {
  const auto is = [&](std::string_view name, std::string_view value) {
    return key.key.name == name && key.value == value;
  };
  return !is("optimizer", "sgd_torch") && !is("precision_dtype", "bfloat16") && !is("augmentation_type", "none");
}

/// Keys under `run` whose value changes what is trained. Those that may differ between two starts of a run do not, and
/// neither do the order of samples and the first weights, which the seed decides.
bool changes_the_model(const Key& key) {
  constexpr std::array kOwn = {"seed", "network"};
  return std::string_view(key.section) == "run" && key.on_resume == OnResume::kRefused &&
         std::find(kOwn.begin(), kOwn.end(), std::string_view(key.name)) == kOwn.end();
}

}  // namespace

SageMakerSettings to_sagemaker(const Config& config) {
  SageMakerSettings settings;
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  const std::vector<PrintedKey> initial = printed_keys(Config());
  const std::vector<PrintedKey> keys = printed_keys(config);
  for (size_t i = 0; i < keys.size(); ++i) {
    const PrintedKey& key = keys[i];
    const bool is_hyperparameter = std::string_view(key.key.section) == "hyperparameters";
    if (is_hyperparameter && !key.value.empty() && is_known_there(key))
      object[key.key.name] = spelt(key);
    else if (is_hyperparameter && !is_known_there(key) && key.value != initial[i].value)
      settings.beyond.push_back(cat(key.key.full(), ": ", key.value));
    else if (changes_the_model(key.key) && key.value != initial[i].value)
      settings.beyond.push_back(cat(key.key.full(), ": ", key.value));
  }
  if (config.run.network != "resnet_v2") settings.beyond.push_back("run.network: " + config.run.network);
  settings.json = object.dump(2) + "\n";
  return settings;
}

}  // namespace lockstep

#include "lockstep/config/load.h"

#include <algorithm>

#include "keys.h"
#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "source.h"
#include "value.h"

namespace lockstep {

namespace {

template <class Value>
std::string assign(const Setting& setting, const Key& key, Value& value) {
  return read_value(join(setting.items, ","), key.valid, value);
}

std::string assign(const Setting& setting, const Key&, Channel& channel) {
  return read_channel_part(setting.part, setting.items, channel);
}

// What a setting means for the configuration; its complaint when it means nothing.
void apply(const Setting& setting, Config& config, std::vector<std::string>& mistakes) {
  for_each_key(config, [&](const Key& key, auto& value) {
    if (key.full() != setting.key) return;
    config.origins[setting.key] = setting.origin;
    const std::string complaint = assign(setting, key, value);
    const bool is_path = setting.part.empty() || setting.part == "path";
    const std::string name = is_path ? setting.key : cat(setting.key, '.', setting.part);
    if (!complaint.empty()) mistakes.push_back(cat(setting.origin, ": ", name, ": ", complaint));
  });
}

void check_channels(const Config& config, const std::string& name, std::vector<std::string>& mistakes) {
  for_each_key(config, [&](const Key& key, const auto& value) {
    if constexpr (std::is_same_v<decltype(value), const Channel&>)
      if (!value.given() && value != Channel{})
        mistakes.push_back(cat(config.origins.at(key.full()), ": ", key.full(), ": has no path"));
  });
  if (!config.channels.train.given())
    mistakes.push_back(cat(name, ": channels.train: missing; name the samples to train on"));
}

std::vector<std::string> doubts(const Config& config) {
  const Hyperparameters& given = config.hyperparameters;
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& name, const std::string& text) {
    const std::string key = "hyperparameters." + name;
    warnings.push_back(cat(config.origins.at(key), ": ", key, ": ", text));
  };
  if (given.use_weighted_loss && !given.multi_label) warn("use_weighted_loss", "ignored, as multi_label is false");
  if (given.kv_store == "dist_async")
    warn("kv_store", "dist_async is accepted, but gradients are exchanged synchronously");
  if (given.early_stopping && !config.channels.validation.given())
    warn("early_stopping", "cannot act, as there is no channels.validation");
  return warnings;
}

LoadedConfig merge(Source source, const std::string& name) {
  LoadedConfig loaded{{}, std::move(source.warnings)};
  Config& config = loaded.config;
  for_each_key(config, [&](const Key& key, const auto&) { config.origins[key.full()] = "default"; });
  config.sagemaker_json = source.sagemaker_json;
  if (source.sagemaker_json) {
    config.run.last_batch = "drop";
    config.origins["run.last_batch"] = "SageMaker's JSON";
  }

  std::vector<std::string>& mistakes = source.mistakes;
  for (const Setting& setting : source.settings) apply(setting, config, mistakes);
  if (mistakes.empty()) check_channels(config, name, mistakes);
  if (mistakes.size() > 1) mistakes.insert(mistakes.begin(), cat(mistakes.size(), " mistakes in the configuration:"));
  require(mistakes.empty(), ErrorKind::kUsage, join(mistakes, "\n"));

  for (std::string& warning : doubts(config)) loaded.warnings.push_back(std::move(warning));
  return loaded;
}

}  // namespace

LoadedConfig load_config(const Path& file, std::span<const std::string> overrides) {
  Source source = read_source(read_limited(file.string()), file.string());
  for (const std::string& text : overrides) add_override(source, text);
  return merge(std::move(source), file.string());
}

LoadedConfig load_config_text(const std::string& text, const std::string& where) {
  return merge(read_source(text, where), where);
}

}  // namespace lockstep

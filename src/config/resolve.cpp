#include "lockstep/config/load.h"
#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "value.h"

namespace lockstep {

namespace {

/// Completes a configuration step by step and collects what does not fit together.
class Resolution {
 public:
  Resolution(Config config, const DatasetFacts& data) : loaded_{std::move(config), {}}, data_(data) {}

  void adopt_model(const ModelFacts& model) {
    Hyperparameters& own = config().hyperparameters;
    if (!model.network.empty()) adopt("run.network", config().run.network, model.network);
    if (model.num_layers) adopt("hyperparameters.num_layers", own.num_layers, *model.num_layers);
    if (model.image_shape) adopt("hyperparameters.image_shape", own.image_shape, *model.image_shape);
    if (model.num_classes > 0) adopt_classes(model.num_classes);
  }

  void count_samples() {
    auto& samples = config().hyperparameters.num_training_samples;
    if (data_.samples == 0) mistake("channels.train", cat(train(), " holds no samples"));
    if (samples && *samples != data_.samples) {
      const std::string both = cat(*samples, ", but ", train(), " holds ", data_.samples);
      if (!config().sagemaker_json)
        mistake("hyperparameters.num_training_samples", both + "; leave the key out to have them counted");
      else
        warn("hyperparameters.num_training_samples", cat(both, "; ", data_.samples, " is used"));
    }
    set("hyperparameters.num_training_samples", samples, data_.samples, "counted");
  }

  void count_classes() {
    auto& classes = config().hyperparameters.num_classes;
    if (!classes) return set("hyperparameters.num_classes", classes, data_.classes, "counted");
    if (*classes == data_.classes) return;
    const std::string both = cat(*classes, ", but ", train(), " has ", data_.classes, " classes");
    if (data_.classes > *classes)
      mistake("hyperparameters.num_classes", cat(both, ", labels 0 to ", data_.classes - 1));
    else if (config().sagemaker_json || has_models_classes_)
      warn("hyperparameters.num_classes", both + "; the others are never seen");
    else
      mistake("hyperparameters.num_classes", both + "; leave the key out to have them counted");
  }

  void check_batch() {
    const int64_t batch = config().hyperparameters.mini_batch_size;
    if (config().run.last_batch == "drop" && batch > data_.samples && data_.samples > 0)
      mistake("hyperparameters.mini_batch_size",
              cat(batch, " is more than the ", data_.samples, " samples of ", train(),
                  ", so that run.last_batch: drop leaves nothing; lower it or set run.last_batch=use"));
  }

  void check_recipe() {
    const Hyperparameters& h = config().hyperparameters;
    const Run& run = config().run;
    if (h.multi_label && run.label_smoothing > 0)
      mistake("run.label_smoothing", "is for one label a sample, not for multi_label");
    if (run.warmup_epochs > static_cast<double>(h.epochs))
      mistake("run.warmup_epochs", cat(run.warmup_epochs, " is more than the ", h.epochs, " epochs of the run"));
    const auto samples = parse_integer(run.micro_batch);
    if (!run.micro_batch.empty() && run.micro_batch != "auto" && (!samples || *samples < 1))
      mistake("run.micro_batch", cat("\"", run.micro_batch, "\" is neither a number of samples nor auto"));
  }

  LoadedConfig finish() {
    require(mistakes_.empty(), ErrorKind::kUsage, join(mistakes_, "\n"));
    return std::move(loaded_);
  }

 private:
  Config& config() { return loaded_.config; }
  std::string train() { return cat("channels.train (", join(config().channels.train.paths, ";"), ")"); }

  std::string origin(const std::string& key) {
    const auto found = config().origins.find(key);
    return found == config().origins.end() ? "default" : found->second;
  }
  void mistake(const std::string& key, const std::string& text) {
    mistakes_.push_back(cat(origin(key), ": ", key, ": ", text));
  }
  void warn(const std::string& key, const std::string& text) {
    loaded_.warnings.push_back(cat(origin(key), ": ", key, ": ", text));
  }

  template <class Target, class Value>
  void set(const std::string& key, Target& target, const Value& value, const char* from) {
    if (target == value) return;
    target = value;
    config().origins[key] = from;
  }

  // The model's word, where the configuration is silent or says the same.
  template <class Value>
  void adopt(const std::string& key, Value& own, const Value& models) {
    if (origin(key) == "default") return set(key, own, models, "model");
    if (own != models)
      mistake(key, cat(print_value(own), ", but the model of channels.model has ", print_value(models),
                       "; they must be equal"));
  }

  void adopt_classes(int64_t models) {
    const std::string key = "hyperparameters.num_classes";
    auto& own = config().hyperparameters.num_classes;
    if (config().hyperparameters.use_pretrained_model) {
      if (const int64_t wanted = own.value_or(data_.classes); wanted != models)
        warn(key, cat("the model of channels.model has ", models, ", this run ", wanted, ": its last layer is new"));
      return;
    }
    has_models_classes_ = !own || *own == models;
    if (!has_models_classes_)
      return mistake(key, cat(*own, ", but the model of channels.model has ", models,
                              "; use_pretrained_model: true would give it a new last layer"));
    set(key, own, models, "model");
  }

  LoadedConfig loaded_;
  const DatasetFacts& data_;
  std::vector<std::string> mistakes_;
  bool has_models_classes_ = false;
};

}  // namespace

LoadedConfig resolve(Config config, const DatasetFacts& data, const std::optional<ModelFacts>& model) {
  Resolution resolution(std::move(config), data);
  if (model) resolution.adopt_model(*model);
  resolution.count_samples();
  resolution.count_classes();
  resolution.check_batch();
  resolution.check_recipe();
  return resolution.finish();
}

}  // namespace lockstep

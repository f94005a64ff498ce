#include <algorithm>
#include <utility>

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
    Run& run = config().run;
    if (!model.network.empty()) adopt_network(model);
    if (model.num_layers) adopt("hyperparameters.num_layers", own.num_layers, *model.num_layers, model);
    if (model.image_shape && !(model.is_pretrained && origin("hyperparameters.image_shape") != "default"))
      adopt("hyperparameters.image_shape", own.image_shape, *model.image_shape, model);
    models_classes_ = model.num_classes;
    if (model.resize) propose("hyperparameters.resize", own.resize, model.resize);
    if (!model.mean.empty()) propose("run.pixel_mean", run.pixel_mean, model.mean);
    if (!model.std.empty()) propose("run.pixel_std", run.pixel_std, model.std);
    if (!model.interpolation.empty()) propose("run.interpolation", run.interpolation, model.interpolation);
  }

  /// A new network that does not normalise its input gets what its makers trained it with.
  void normalise_pixels() {
    Run& run = config().run;
    const bool is_colour = config().hyperparameters.image_shape.channels == 3;
    const bool is_silent = origin("run.pixel_mean") == "default" && origin("run.pixel_std") == "default";
    if (!is_colour || !is_silent || (run.network != "resnet_v1" && run.network != "mobilenet_v2")) return;
    set("run.pixel_mean", run.pixel_mean, std::vector<double>{123.675, 116.28, 103.53}, "network");
    set("run.pixel_std", run.pixel_std, std::vector<double>{58.395, 57.12, 57.375}, "network");
  }

  /// Random resized crops show the whole picture in training, so evaluation shrinks it before it cuts out its middle:
  /// 256 pixels for 224, as is usual.
  void choose_resize() {
    auto& h = config().hyperparameters;
    if (config().run.augmentation != "random_resized_crop" || origin("hyperparameters.resize") != "default") return;
    const int64_t shorter = std::min(h.image_shape.height, h.image_shape.width);
    set("hyperparameters.resize", h.resize, std::optional(shorter * 8 / 7), "run.augmentation");
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
    else if (config().sagemaker_json || *classes == models_classes_)
      warn("hyperparameters.num_classes", both + "; the others are never seen");
    else
      mistake("hyperparameters.num_classes", both + "; leave the key out to have them counted");
  }

  void compare_classes(const ModelFacts& model) {
    const std::string key = "hyperparameters.num_classes";
    const int64_t own = config().hyperparameters.num_classes.value();
    if (model.num_classes == 0 || own == model.num_classes) return;
    const std::string both = cat(own, ", but ", model.name, " has ", model.num_classes);
    if (config().sagemaker_json && !model.is_pretrained)
      return mistake(key, cat(both,
                              "; SageMaker's algorithm continues a model with its own classes only (a YAML "
                              "configuration gives it a new last layer)"));
    warn(key, cat(both, config().run.grow_classes ? ": classes that it knows keep their rows of the last layer"
                                                  : ": its last layer is new"));
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
    for (const auto& [key, numbers] : {std::pair{"run.pixel_mean", &run.pixel_mean}, {"run.pixel_std", &run.pixel_std}})
      if (!numbers->empty() && numbers->size() != static_cast<size_t>(h.image_shape.channels))
        mistake(key, cat(numbers->size(), " numbers for pictures of ", h.image_shape.channels, " channel(s)"));
    if (std::find(run.pixel_std.begin(), run.pixel_std.end(), 0.0) != run.pixel_std.end())
      mistake("run.pixel_std", "0 divides nothing");
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
  void adopt(const std::string& key, Value& own, const Value& models, const ModelFacts& model) {
    if (origin(key) == "default") return set(key, own, models, "model");
    if (own != models)
      mistake(key, cat(print_value(own), ", but ", model.name, " has ", print_value(models), "; they must be equal",
                       key == "hyperparameters.image_shape"
                           ? ", unless its weights are used as pretrained ones (run.pretrained, use_pretrained_model)"
                           : ""));
  }

  // The model's word, where the configuration is silent; it may say otherwise.
  template <class Value>
  void propose(const std::string& key, Value& own, const Value& models) {
    if (origin(key) == "default") set(key, own, models, "model");
  }

  // SageMaker's JSON has no word for the network and means its own.
  void adopt_network(const ModelFacts& model) {
    const std::string& own = config().run.network;
    if (origin("run.network") == "default" && !config().sagemaker_json)
      return set("run.network", config().run.network, model.network, "model");
    if (own != model.network)
      mistake("run.network",
              cat(own, ", but ", model.name, " is a ", model.network,
                  model.num_layers ? cat(" with ", *model.num_layers, " layers") : "",
                  "; the networks have other layers, so the weights of one are of no use in the other; to "
                  "use them set run.network=",
                  model.network));
  }

  LoadedConfig loaded_;
  const DatasetFacts& data_;
  std::vector<std::string> mistakes_;
  int64_t models_classes_ = 0;
};

}  // namespace

LoadedConfig resolve(Config config, const DatasetFacts& data, const std::optional<ModelFacts>& model) {
  Resolution resolution(std::move(config), data);
  if (model)
    resolution.adopt_model(*model);
  else
    resolution.normalise_pixels();
  resolution.choose_resize();
  resolution.count_samples();
  resolution.count_classes();
  if (model) resolution.compare_classes(*model);
  resolution.check_batch();
  resolution.check_recipe();
  return resolution.finish();
}

}  // namespace lockstep

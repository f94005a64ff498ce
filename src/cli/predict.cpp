#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/log.h"
#include "lockstep/serve/predictor.h"
#include "lockstep/track/events.h"
#include "terminal.h"

namespace lockstep::cli {
namespace {

struct PredictOptions {
  serve::PredictorOptions predictor;
  std::vector<std::string> pictures;
  int64_t top_k = 5;
  double threshold = -1;
  std::string output = "probabilities";
  bool json = false;
};

/// Folders stand for the pictures in them.
std::vector<Path> list_pictures(const std::vector<std::string>& named) {
  std::vector<Path> paths;
  for (const std::string& name : named) {
    require(std::filesystem::exists(name), ErrorKind::kIo, name, ": no such file");
    if (!std::filesystem::is_directory(name)) {
      paths.emplace_back(name);
      continue;
    }
    std::vector<Path> inside;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(name))
      if (entry.is_regular_file()) inside.push_back(entry.path());
    std::sort(inside.begin(), inside.end());
    paths.insert(paths.end(), inside.begin(), inside.end());
  }
  return paths;
}

struct Prediction {
  int64_t label;
  float value;
};

/// The rows best first, cut to top_k, or to those above the threshold.
std::vector<Prediction> best_first(const std::vector<float>& values, const PredictOptions& options) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return values[size_t(a)] > values[size_t(b)]; });
  std::vector<Prediction> predictions;
  for (const int64_t label : order) {
    const float value = values[static_cast<size_t>(label)];
    if (options.threshold >= 0 ? value < options.threshold : predictions.size() >= static_cast<size_t>(options.top_k))
      break;
    predictions.push_back({label, value});
  }
  return predictions;
}

std::string json_line(const Path& file, const std::vector<Prediction>& predictions, const serve::Predictor& predictor,
                      bool logits) {
  std::vector<track::Event> objects;
  for (const auto& [label, value] : predictions) {
    track::Event object;
    object.set("label", label)
        .set("class", predictor.class_name(label))
        .set(logits ? "logit" : "probability", double{value});
    objects.push_back(object);
  }
  return track::Event().set("file", file.string()).set("predictions", objects).json();
}

std::string table_line(const Path& file, const std::vector<Prediction>& predictions, const serve::Predictor& predictor,
                       bool logits) {
  std::string line = file.string();
  for (const auto& [label, value] : predictions)
    line += cat("  ", predictor.class_name(label), logits ? format(" %.4f", value) : format(" %.2f%%", 100 * value));
  return line;
}

/// Pictures that cannot be read are named and the others answered; the exit code tells.
int predict(const PredictOptions& options) {
  serve::Predictor predictor(options.predictor);
  const bool logits = options.output == "logits";
  const bool json = options.json || !is_terminal();
  int64_t failed = 0;
  for (const Path& file : list_pictures(options.pictures)) try {
      const auto picture = read_bytes(file);
      const auto rows = logits ? predictor.logits({picture}) : predictor.probabilities({picture});
      const auto predictions = best_first(rows.front(), options);
      std::cout << (json ? json_line(file, predictions, predictor, logits)
                         : table_line(file, predictions, predictor, logits))
                << std::endl;
    } catch (const Error& error) {
      log::error(file.string(), ": ", error.what());
      ++failed;
    }
  return failed > 0 ? exit_code(ErrorKind::kData) : 0;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
  auto options = std::make_shared<PredictOptions>();
  app.add_option("--model", options->predictor.model, "model.tar.gz, its unpacked folder, or a checkpoint")->required();
  app.add_option("pictures", options->pictures, "pictures, or folders of pictures")->required();
  app.add_option("--top-k", options->top_k, "classes a picture")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--threshold", options->threshold, "all classes from this probability on, instead of --top-k")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--output", options->output, "probabilities or logits")
      ->check(CLI::IsMember({"probabilities", "logits"}))
      ->capture_default_str();
  app.add_option("--image-shape", options->predictor.image_shape, "C,H,W instead of the model's");
  app.add_option("--inference-resize", options->predictor.inference_resize,
                 "stretch or crop, instead of what the model says");
  app.add_flag("--json", options->json, "an object a line, as in a pipe; on a terminal the default is a table");
  action = [options] { return predict(*options); };
}

}  // namespace lockstep::cli

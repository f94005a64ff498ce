#include "lockstep/train/evaluate.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/comm/launch.h"
#include "lockstep/core/file.h"
#include "lockstep/core/log.h"
#include "terminal.h"

namespace lockstep::cli {
namespace {

int evaluate(const train::EvaluateOptions& options, const std::string& json) {
  const train::Evaluation evaluation = train::evaluate_model(options);
  if (comm::discover_launch().rank != 0) return 0;
  if (!json.empty()) {
    const std::string text = track::to_event(evaluation.report, evaluation.classes).json(2) + "\n";
    if (json == "-")
      std::cout << text;
    else
      write_atomic(json, text);
  }
  if (json != "-") {
    std::cout << track::to_table(evaluation.report, evaluation.classes, terminal_columns());
    std::cout << format("%lld samples, %.1f images/s\n", static_cast<long long>(evaluation.report.count),
                        evaluation.images_per_second);
  }
  if (evaluation.skipped > 0) log::warning(evaluation.skipped, " unreadable samples were left out");
  return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto options = std::make_shared<train::EvaluateOptions>();
  auto json = std::make_shared<std::string>();
  app.add_option("--model", options->model, "model.tar.gz, its unpacked folder, or a checkpoint")->required();
  app.add_option(
         "--data", options->data,
         ".rec (one or several), .lst, .csv, COCO .json, a manifest, a folder of classes, or a folder of images "
         "with --list")
      ->required();
  app.add_option("--list", options->list, ".lst, .csv, COCO .json or manifest of the images below --data");
  app.add_option("--content-type", options->content_type,
                 "what --data is, as application/jsonlines; label-format=class-id; attribute-names=PICTURE,LABEL");
  app.add_option("--s3-root", options->s3_root, "manifest: the local folder that holds the buckets of s3:// addresses");
  app.add_flag("--drop-without-category", options->drop_without_category,
               "COCO: leave out pictures that show none of the model's classes");
  app.add_option("--json", *json, "write all figures as one JSON object to this file (-: standard output)");
  app.add_option("--inference-resize", options->inference_resize, "stretch or crop, instead of what the model says");
  app.add_option("--batch", options->batch, "samples at a time")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--threads", options->threads, "threads; 0: all cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--threshold", options->threshold, "multi-label: a probability from here on is a yes")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--skip-bad-records", options->skip_bad, "unreadable samples that may be left out")
      ->check(CLI::Range(0, 1000000000))
      ->capture_default_str();
  action = [options, json] { return evaluate(*options, *json); };
}

}  // namespace lockstep::cli

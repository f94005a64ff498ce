#include "lockstep/data/bench_input.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/text.h"
#include "lockstep/track/events.h"

namespace lockstep::cli {
namespace {

/// Nothing is computed here: what waits is the one who takes the batches.
const char* bound_name(const data::InputSpeed& speed) {
  const data::Bound bound = data::bound_of(speed.times);
  return bound == data::Bound::kCompute ? "consumer" : data::bound_name(bound);
}

std::string json_of(const data::InputSpeed& speed) {
  const data::LoaderTimes& times = speed.times;
  track::Event event;
  event.set("images_per_second", speed.images_per_second)
      .set("images_per_second_per_thread", speed.images_per_second / speed.threads)
      .set("images", speed.images)
      .set("threads", speed.threads)
      .set("samples", speed.samples)
      .set("what", speed.what)
      .set("share_with_seek_index", static_cast<double>(speed.indexed) / static_cast<double>(speed.looked_at))
      .set("bound", bound_name(speed))
      .set("seconds", times.elapsed)
      .set("read_seconds", times.read)
      .set("plan_seconds", times.plan)
      .set("decode_seconds", times.decode)
      .set("apply_seconds", times.apply)
      .set("convert_seconds", speed.convert_seconds)
      .set("batch_bytes", static_cast<int64_t>(speed.batch_bytes));
  return event.json(2) + "\n";
}

void print(const data::InputSpeed& speed) {
  const data::LoaderTimes& times = speed.times;
  const auto images = static_cast<double>(times.samples);
  std::cout << format("%lld samples, seek points for %.0f%% of them; %s; %d thread(s), %s of batches\n",
                      static_cast<long long>(speed.samples),
                      100 * static_cast<double>(speed.indexed) / static_cast<double>(speed.looked_at),
                      speed.what.c_str(), speed.threads, bytes_text(static_cast<double>(speed.batch_bytes)).c_str());
  std::cout << format("\n%-24s %12s %18s\n", "", "ms an image", "of a thread's time");
  const auto line = [&](const char* name, double seconds, double threads) {
    std::cout << format("%-24s %12.4f %17.1f%%\n", name, 1e3 * seconds / images,
                        100 * seconds / (times.elapsed * threads));
  };
  line("storage read", times.read, speed.threads);
  line("header and plan", times.plan, speed.threads);
  line("decode", times.decode, speed.threads);
  line("resize and apply", times.apply, speed.threads);
  line("waiting", times.elapsed * speed.threads - times.busy(), speed.threads);
  if (speed.convert_seconds > 0) line("to floats, by consumer", speed.convert_seconds, 1);
  std::cout << "\nbound: " << bound_name(speed) << "\n" << format("images/s: %.1f\n", speed.images_per_second);
}

}  // namespace

void add_bench_input(CLI::App& app, Action& action) {
  auto options = std::make_shared<data::BenchInputOptions>();
  auto json = std::make_shared<std::string>();
  auto sample_format = std::make_shared<std::string>("u8");
  auto no_index = std::make_shared<bool>(false);
  app.add_option("source", options->source,
                 "configuration whose training channel is read as it says; or data (.rec): 3,224,224, random resized "
                 "crops and mirrors")
      ->required();
  app.add_option("overrides", options->overrides, "key=value, of a configuration");
  app.add_option("--threads", options->threads, "threads that decode; 0: as training would choose")
      ->check(CLI::Range(0, 4096));
  app.add_option("--format", *sample_format, "what is made: u8 [N,H,W,C], or f32 [N,C,H,W] too, by one more thread")
      ->check(CLI::IsMember({"u8", "f32"}))
      ->capture_default_str();
  app.add_option("--images", options->images, "images to measure, for 0.2 seconds at least; 0: for 5 seconds")
      ->check(CLI::Range(0, 1'000'000'000));
  app.add_flag("--no-index", *no_index, "without the seek index");
  app.add_option("--json", *json, "write the figures to this file as well");
  action = [=] {
    options->floats = *sample_format == "f32";
    options->seek_index = !*no_index;
    const data::InputSpeed speed = data::measure_input(*options);
    if (!json->empty()) write_atomic(*json, json_of(speed));
    print(speed);
    return 0;
  };
}

}  // namespace lockstep::cli

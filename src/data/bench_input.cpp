#include "lockstep/data/bench_input.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "lockstep/config/load.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/core/vectorised.h"
#include "lockstep/data/cache.h"

namespace lockstep::data {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

bool is_config(const Path& path) {
  const auto extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

/// What is fed, and how.
struct Source {
  std::unique_ptr<Dataset> dataset;
  SamplerOptions order;
  LoaderOptions loader;
  std::vector<double> mean, std;
  std::string augmentation = "random_resized_crop", interpolation = "bilinear";
};

DatasetOptions open_options(const BenchInputOptions& options, const std::optional<Config>& config) {
  if (!config) return {.channel = {.paths = {options.source}}, .list = {}, .seek_index = options.seek_index};
  DatasetOptions open = dataset_options(*config, config->channels.train, config->channels.train_lst);
  open.seek_index = options.seek_index;
  return open;
}

void follow(const Config& config, Source& source) {
  const Run& run = config.run;
  source.order.global_batch = config.hyperparameters.mini_batch_size;
  source.order.seed = source.loader.seed = static_cast<uint64_t>(run.seed);
  source.loader.plan = plan_options(config, true);
  source.loader.threads = static_cast<int>(run.loader_threads);
  source.loader.ahead = static_cast<int>(run.prefetch_batches);
  source.loader.max_pixels = run.max_pixels;
  source.loader.skip_bad = run.skip_bad_records;
  source.mean = run.pixel_mean;
  source.std = run.pixel_std;
  source.augmentation = run.augmentation == "sagemaker" ? config.hyperparameters.augmentation_type : run.augmentation;
  source.interpolation = run.interpolation;
  if (!run.cache.empty())
    source.loader.cache = std::make_shared<PictureCache>(source.dataset->size(), parse_cache_bytes(run.cache));
}

Source make_source(const BenchInputOptions& options) {
  std::optional<Config> config;
  if (is_config(options.source)) config = load_config(options.source, options.overrides).config;
  Source source{.dataset = open_dataset(open_options(options, config))};
  source.order.global_batch = 64;
  source.loader.plan.augmentation = image::Augmentation::kRandomResizedCrop;
  source.loader.threads = 0;
  if (config) follow(*config, source);
  source.order.samples = static_cast<int64_t>(source.dataset->size());
  source.order.global_batch = std::min(source.order.global_batch, source.order.samples);
  source.loader.epochs = int64_t{1} << 40;
  if (options.threads > 0) source.loader.threads = options.threads;
  if (source.loader.threads == 0) source.loader.threads = available_cores();
  const auto channels = static_cast<size_t>(source.loader.plan.channels);
  source.mean.resize(channels, source.mean.empty() ? 0 : source.mean.back());
  source.std.resize(channels, source.std.empty() ? 1 : source.std.back());
  return source;
}

LOCKSTEP_VECTORISED void to_plane(const uint8_t* from, size_t step, size_t count, float mean, float factor, float* to) {
  for (size_t i = 0; i < count; ++i) to[i] = (static_cast<float>(from[i * step]) - mean) * factor;
}

void to_floats(const HostBatch& batch, const Source& source, std::vector<float>& floats) {
  const auto channels = static_cast<size_t>(batch.channels);
  const size_t plane = static_cast<size_t>(batch.height) * static_cast<size_t>(batch.width);
  floats.resize(batch.pixels.size());
  for (size_t i = 0; i < static_cast<size_t>(batch.count); ++i)
    for (size_t c = 0; c < channels; ++c)
      to_plane(&batch.pixels[i * plane * channels + c], channels, plane, static_cast<float>(source.mean[c]),
               static_cast<float>(1 / source.std[c]), &floats[(i * channels + c) * plane]);
}

void count_indexed(const Dataset& dataset, InputSpeed& speed) {
  const size_t size = dataset.size();
  const size_t looked_at = std::min<size_t>(size, 256);
  Sample sample;
  for (size_t k = 0; k < looked_at; ++k) try {
      dataset.read(k * size / looked_at, sample);
      speed.indexed += sample.seek_points.empty() ? 0 : 1;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
    }
  speed.looked_at = static_cast<int64_t>(looked_at);
}

}  // namespace

InputSpeed measure_input(const BenchInputOptions& options) {
  constexpr double kWarmSeconds = 2, kSeconds = 5;
  constexpr double kLeastSeconds = 0.2;  // or batches that were ready already would be all there is
  const Source source = make_source(options);
  const image::PlanOptions& plan = source.loader.plan;
  InputSpeed speed{.threads = source.loader.threads,
                   .samples = source.order.samples,
                   .what = cat(plan.channels, "x", plan.height, "x", plan.width, options.floats ? " f32, " : " u8, ",
                               source.augmentation, ", ", source.interpolation)};
  count_indexed(*source.dataset, speed);
  Loader loader(*source.dataset, source.order, source.loader);
  speed.batch_bytes = loader.memory_bytes();
  std::vector<float> floats;
  const auto take = [&] {
    const auto batch = loader.next();
    const auto start = Clock::now();
    if (options.floats) to_floats(*batch, source, floats);
    speed.convert_seconds += options.floats ? seconds_since(start) : 0;
    return batch->count;
  };

  auto begin = Clock::now();
  int64_t warmed = 0;
  for (int i = 0; i < source.loader.ahead + 2; ++i) warmed += take();
  while (warmed < speed.samples && seconds_since(begin) < kWarmSeconds) warmed += take();
  speed.convert_seconds = 0;

  begin = Clock::now();
  const LoaderTimes before = loader.times();
  const double least = options.images > 0 ? kLeastSeconds : kSeconds;
  while (speed.images < options.images || seconds_since(begin) < least) speed.images += take();
  speed.images_per_second = static_cast<double>(speed.images) / seconds_since(begin);
  speed.times = loader.times() - before;
  return speed;
}

}  // namespace lockstep::data

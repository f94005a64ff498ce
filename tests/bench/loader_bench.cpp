// How fast the loader feeds on this machine:  loader_bench DATA [name=value ...]
//   shape=3,224,224  threads=(all cores)  images=5000  augmentation=crop  resize=0  interpolation=bilinear decode=exact
//   index=1 (0: a .jdx beside the records is ignored)  rounds=0
// Prints images/s and the share of the time that the consumer waited. rounds=1: prints "ready" and then, for each
// number of images on its input, images/s over so many, after what was ready has been taken out (see input_compare.py).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/loader.h"

namespace lockstep::data {
namespace {

using Settings = std::map<std::string, std::string>;

Settings read_settings(int argc, char** argv) {
  Settings settings{{"shape", "3,224,224"},
                    {"threads", cat(available_cores())},
                    {"images", "5000"},
                    {"augmentation", "crop"},
                    {"resize", "0"},
                    {"decode", "exact"},
                    {"interpolation", "bilinear"},
                    {"index", "1"},
                    {"rounds", "0"}};
  require(argc >= 2, ErrorKind::kUsage, "loader_bench DATA [name=value ...]");
  for (int i = 2; i < argc; ++i) {
    const std::string given = argv[i];
    const size_t equals = given.find('=');
    require(equals != std::string::npos && settings.contains(given.substr(0, equals)), ErrorKind::kUsage,
            "no setting is called \"", given, "\"");
    settings[given.substr(0, equals)] = given.substr(equals + 1);
  }
  return settings;
}

LoaderOptions loader_options(Settings& settings) {
  const auto shape = split(settings["shape"], ',');
  require(shape.size() == 3, ErrorKind::kUsage, "the shape is C,H,W");
  LoaderOptions options;
  options.plan = {.channels = std::atoi(shape[0].c_str()),
                  .height = std::atoi(shape[1].c_str()),
                  .width = std::atoi(shape[2].c_str()),
                  .resize = std::atoi(settings["resize"].c_str()),
                  .augmentation = image::parse_augmentation(settings["augmentation"]),
                  .interpolation = image::parse_interpolation(settings["interpolation"]),
                  .scaled_decode = settings["decode"] == "scaled"};
  options.threads = std::atoi(settings["threads"].c_str());
  options.epochs = 1'000'000;
  return options;
}

struct Rate {
  double images_per_second = 0, waited = 0;  // share of the time
};

Rate measure(Loader& loader, int ahead, int64_t images) {
  for (int i = 0; i < ahead + 1; ++i) loader.next();  // what was ready
  const auto begin = std::chrono::steady_clock::now();
  const double waited = loader.seconds_waited();
  int64_t done = 0;
  while (done < images) done += loader.next()->count;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {static_cast<double>(done) / seconds, (loader.seconds_waited() - waited) / seconds};
}

void run(int argc, char** argv) {
  Settings settings = read_settings(argc, argv);
  DatasetOptions source;
  source.channel.paths = {argv[1]};
  source.seek_index = settings["index"] != "0";
  const auto dataset = open_dataset(source);
  const LoaderOptions options = loader_options(settings);
  SamplerOptions order;
  order.samples = static_cast<int64_t>(dataset->size());
  order.global_batch = std::min<int64_t>(64, order.samples);
  Loader loader(*dataset, order, options);

  if (settings["rounds"] == "0") {
    const Rate rate = measure(loader, options.ahead, std::atoll(settings["images"].c_str()));
    std::printf("%zu samples, %d threads, %s of batches, waited %.1f %%\nimages/s: %.1f\n", dataset->size(),
                options.threads, bytes_text(static_cast<double>(loader.memory_bytes())).c_str(), 100 * rate.waited,
                rate.images_per_second);
    return;
  }
  std::puts("ready");
  std::fflush(stdout);
  for (int64_t images = 0; std::cin >> images;) {
    std::printf("%.1f\n", measure(loader, options.ahead, images).images_per_second);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace lockstep::data

int main(int argc, char** argv) try { lockstep::data::run(argc, argv); } catch (const lockstep::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return lockstep::exit_code(error.kind());
}

// How fast the loader feeds on this machine:  loader_bench DATA [C,H,W] [threads] [images] [augmentation]
// Prints images/s and the share of the time that the consumer waited.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/loader.h"

namespace lockstep::data {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run(int argc, char** argv) {
  require(argc >= 2, ErrorKind::kUsage, "loader_bench DATA [C,H,W] [threads] [images] [augmentation]");
  DatasetOptions source;
  source.channel.paths = {argv[1]};
  auto begin = std::chrono::steady_clock::now();
  const auto dataset = open_dataset(source);
  std::printf("%zu samples, opened in %.3f s\n", dataset->size(), seconds_since(begin));

  LoaderOptions options;
  const auto shape = split(argc > 2 ? argv[2] : "3,224,224", ',');
  require(shape.size() == 3, ErrorKind::kUsage, "the shape is C,H,W");
  options.plan.channels = std::atoi(shape[0].c_str());
  options.plan.height = std::atoi(shape[1].c_str());
  options.plan.width = std::atoi(shape[2].c_str());
  options.threads = argc > 3 ? std::atoi(argv[3]) : available_cores();
  const int64_t images = argc > 4 ? std::atoll(argv[4]) : 5000;
  options.plan.augmentation = image::parse_augmentation(argc > 5 ? argv[5] : "crop");
  options.epochs = 1'000'000;

  SamplerOptions order;
  order.samples = static_cast<int64_t>(dataset->size());
  order.global_batch = std::min<int64_t>(64, order.samples);
  Loader loader(*dataset, order, options);
  for (int i = 0; i < options.ahead + 1; ++i) loader.next();  // warm up

  begin = std::chrono::steady_clock::now();
  const double waited = loader.seconds_waited();
  int64_t done = 0;
  while (done < images) done += loader.next()->count;
  const double seconds = seconds_since(begin);
  std::printf("%d threads, %s of batches, waited %.1f %%\nimages/s: %.1f\n", options.threads,
              bytes_text(static_cast<double>(loader.memory_bytes())).c_str(),
              100 * (loader.seconds_waited() - waited) / seconds, static_cast<double>(done) / seconds);
}

}  // namespace
}  // namespace lockstep::data

int main(int argc, char** argv) try { lockstep::data::run(argc, argv); } catch (const lockstep::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return lockstep::exit_code(error.kind());
}

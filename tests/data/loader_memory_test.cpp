#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "data/photographs.h"
#include "lockstep/data/loader.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

/// What this process holds in memory.
int64_t resident_bytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(LoaderMemory, DoesNotGrowOverTenEpochs) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what was freed";
#endif
  const test::TempFolder folder;
  const auto dataset = open_dataset(toy::write_photographs(folder / "x", 24));
  constexpr int kPicture = 320 * 240 * 3;
  LoaderOptions options;
  options.plan.augmentation = image::Augmentation::kRandomResizedCrop;
  options.threads = 3;
  options.epochs = 15;
  Loader loader(*dataset, {.samples = 24, .global_batch = 5}, options);
  const auto take_epochs = [&](int count) {
    for (int ended = 0; ended < count;) ended += loader.next()->last_of_epoch;
  };
  take_epochs(5);  // every thread has had the largest picture by then
  const int64_t before = resident_bytes();
  take_epochs(10);
  EXPECT_LT(resident_bytes() - before, 5 * kPicture) << "a picture left behind every second epoch would be seen";
}

}  // namespace
}  // namespace lockstep::data

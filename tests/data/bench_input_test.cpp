#include "lockstep/data/bench_input.h"

#include <gtest/gtest.h>

#include "data/photographs.h"
#include "lockstep/data/seek_index.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

TEST(BenchInput, MeasuresRecordsWithAndWithoutTheirIndex) {
  const test::TempFolder folder;
  toy::write_photographs(folder / "x", 6);
  write_seek_index(folder / "x.rec", 1);
  for (const bool index : {true, false}) {
    const InputSpeed speed =
        measure_input({.source = (folder / "x.rec").string(), .threads = 2, .images = 20, .seek_index = index});
    EXPECT_GT(speed.images_per_second, 0);
    EXPECT_GE(speed.images, 20);
    EXPECT_EQ(speed.samples, 6);
    EXPECT_EQ(speed.indexed, index ? 6 : 0);
    EXPECT_EQ(speed.looked_at, 6);
    EXPECT_EQ(speed.threads, 2);
    EXPECT_EQ(speed.convert_seconds, 0);
    EXPECT_EQ(speed.what, "3x224x224 u8, random_resized_crop, bilinear");
  }
}

TEST(BenchInput, FollowsAConfiguration) {
  const test::TempFolder folder;
  toy::write_photographs(folder / "x", 6);
  toy::write_text(
      folder / "c.yaml",
      cat("channels: {train: ", (folder / "x.rec").string(),
          "}\nhyperparameters: {image_shape: \"1,64,48\", mini_batch_size: 4, augmentation_type: crop, epochs: "
          "1, learning_rate: 0.1}\nrun: {loader_threads: 3, cache: 1MiB}\n"));
  const InputSpeed speed =
      measure_input({.source = (folder / "c.yaml").string(), .overrides = {"seed=3"}, .floats = true, .images = 8});
  EXPECT_EQ(speed.threads, 3);
  EXPECT_EQ(speed.what, "1x64x48 f32, crop, bilinear");
  EXPECT_GT(speed.convert_seconds, 0);
}

TEST(BenchInput, NamesWhatItCannotOpen) {
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { measure_input({.source = "nowhere.rec"}); }),
                        "nowhere");
}

}  // namespace
}  // namespace lockstep::data

#include "lockstep/data/cache.h"

#include <thread>

#include <gtest/gtest.h>

#include "data/photographs.h"
#include "lockstep/data/loader.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

constexpr uint64_t kPhotograph = 320 * 240 * 3;

image::Image plain(int side, uint8_t value) {
  image::Image picture;
  picture.resize(side, side, 3);
  std::ranges::fill(picture.pixels, value);
  return picture;
}

TEST(CacheBytes, AreParsedStrictly) {
  EXPECT_EQ(parse_cache_bytes("8GiB"), uint64_t{8} << 30);
  EXPECT_EQ(parse_cache_bytes("512MiB"), uint64_t{512} << 20);
  EXPECT_EQ(parse_cache_bytes("1.5KiB"), 1536u);
  EXPECT_EQ(parse_cache_bytes("2TiB"), uint64_t{2} << 40);
  for (const char* wrong : {"", "8", "GiB", "8GB", "8 GiB", "8gib", "8GiB ", "-1GiB", "0GiB", "8PiB", "1e30TiB",
                            "x8GiB", "nanGiB", "infGiB"})
    test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { parse_cache_bytes(wrong); }), "8GiB");
}

TEST(PictureCache, GivesBackWhatWasPut) {
  PictureCache cache(3, 1 << 20);
  EXPECT_EQ(cache.find(1), nullptr);
  cache.put(1, plain(4, 7));
  ASSERT_NE(cache.find(1), nullptr);
  EXPECT_EQ(cache.find(1)->pixels, plain(4, 7).pixels);
  EXPECT_EQ(cache.find(0), nullptr);
  EXPECT_EQ(cache.kept(), 1);
}

TEST(PictureCache, KeepsTheFirst) {
  PictureCache cache(1, 1 << 20);
  cache.put(0, plain(4, 1));
  const uint64_t bytes = cache.bytes();
  cache.put(0, plain(4, 2));
  EXPECT_EQ(cache.find(0)->pixels[0], 1);
  EXPECT_EQ(cache.bytes(), bytes);
}

TEST(PictureCache, TakesNoMoreThanItsBudget) {
  PictureCache cache(100, 10'000);
  for (size_t i = 0; i < 100; ++i) cache.put(i, plain(20, 1));  // 1,200 bytes and what they cost beside
  EXPECT_GE(cache.kept(), 7);
  EXPECT_LE(cache.kept(), 8);
  EXPECT_LE(cache.bytes(), 10'000u);
  EXPECT_FALSE(cache.has_room(20, 20, 3));
  EXPECT_TRUE(cache.has_room(2, 2, 3));
}

TEST(PictureCache, IsFilledByAnyNumberOfThreads) {
  PictureCache cache(50, 60'000);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (size_t i = 0; i < 50; ++i) cache.put(i, plain(20, static_cast<uint8_t>(i)));
      });
  }
  int64_t kept = 0;
  for (size_t i = 0; i < 50; ++i) {
    kept += cache.find(i) ? 1 : 0;
    if (cache.find(i)) {
      EXPECT_EQ(cache.find(i)->pixels[0], i);
    }
  }
  EXPECT_EQ(cache.kept(), kept);
  EXPECT_LE(cache.bytes(), 60'000u);
  EXPECT_GT(kept, 40);
}

TEST(PicturesThatFit, AreEstimatedByTheHeaders) {
  const test::TempFolder folder;
  const auto dataset = open_dataset(toy::write_photographs(folder / "x", 10));
  EXPECT_EQ(pictures_that_fit(*dataset, kPhotograph * 4 + 2000, 3, 1'000'000), 4);
  EXPECT_EQ(pictures_that_fit(*dataset, kPhotograph * 4 + 2000, 1, 1'000'000), 10);
  EXPECT_EQ(pictures_that_fit(*dataset, 1000, 3, 1'000'000), 0);
}

/// All pixels of some epochs.
std::vector<uint8_t> load(const Dataset& dataset, const LoaderOptions& options) {
  Loader loader(dataset, {.samples = static_cast<int64_t>(dataset.size()), .global_batch = 4, .labels = {}}, options);
  std::vector<uint8_t> pixels;
  while (const auto batch = loader.next()) pixels.insert(pixels.end(), batch->pixels.begin(), batch->pixels.end());
  return pixels;
}

LoaderOptions options_with(std::shared_ptr<PictureCache> cache) {
  LoaderOptions options;
  options.plan.height = options.plan.width = 64;
  options.epochs = 3;
  options.threads = 3;
  options.cache = std::move(cache);
  return options;
}

TEST(LoaderWithCache, GivesTheSamePixels) {
  const test::TempFolder folder;
  const auto dataset = open_dataset(toy::write_photographs(folder / "x", 10));
  for (const auto augmentation : {image::Augmentation::kNone, image::Augmentation::kCropColorTransform,
                                  image::Augmentation::kRandomResizedCrop}) {
    for (const bool scaled : {false, true}) {
      auto options = options_with(nullptr);
      options.plan.augmentation = augmentation;
      options.plan.scaled_decode = scaled;
      const auto without = load(*dataset, options);
      for (const int fit : {0, 1, 5, 20}) {
        options.cache = std::make_shared<PictureCache>(10, 1 + static_cast<uint64_t>(fit) * (kPhotograph + 200));
        EXPECT_TRUE(load(*dataset, options) == without)
            << static_cast<int>(augmentation) << " " << scaled << " " << fit;
        if (!scaled) {
          EXPECT_EQ(options.cache->kept(), std::min(fit, 10));
        }
      }
    }
  }
}

TEST(LoaderWithCache, DoesNotGrowAfterTheFirstEpoch) {
  const test::TempFolder folder;
  const auto dataset = open_dataset(toy::write_photographs(folder / "x", 12));
  const auto cache = std::make_shared<PictureCache>(12, 5 * (kPhotograph + 200));
  auto options = options_with(cache);
  options.epochs = 1;
  load(*dataset, options);
  const uint64_t bytes = cache->bytes();
  EXPECT_EQ(cache->kept(), 5);
  options.epochs = 10;
  load(*dataset, options);
  EXPECT_EQ(cache->bytes(), bytes);
  EXPECT_EQ(cache->kept(), 5);
}

TEST(LoaderWithCache, SharesItWithAnotherDataset) {
  const test::TempFolder folder;
  const auto first = open_dataset(toy::write_photographs(folder / "x", 4));
  const auto second = open_dataset(toy::write_photographs(folder / "y", 4, 100));
  const auto cache = std::make_shared<PictureCache>(8, 100 * kPhotograph);
  auto options = options_with(nullptr);
  const auto expected = load(*second, options);
  options.cache = cache;
  load(*first, options);
  options.cached_from = 4;
  EXPECT_TRUE(load(*second, options) == expected);
  EXPECT_EQ(cache->kept(), 8);
}

TEST(LoaderWithCache, NamesABadPictureInEveryEpoch) {
  const test::TempFolder folder;
  const auto options_of_data = toy::write_photographs(folder / "x", 4);
  auto bytes = read_bytes(folder / "x.rec");
  std::fill(bytes.begin() + 40, bytes.begin() + 80, std::byte{0});
  toy::write_file(folder / "x.rec", bytes);
  const auto dataset = open_dataset(options_of_data);
  auto options = options_with(std::make_shared<PictureCache>(4, 100 * kPhotograph));
  options.skip_bad = 1;
  testing::internal::CaptureStderr();
  const auto pixels = load(*dataset, options);
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(pixels.size(), 3u * 3 * 64 * 64 * 3);
  EXPECT_EQ(options.cache->kept(), 3);
}

}  // namespace
}  // namespace lockstep::data

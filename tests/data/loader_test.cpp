#include "lockstep/data/loader.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

/// Pictures in memory. Sample i has the label i % 3; a sample in `bad` is no picture.
class Pictures : public Dataset {
 public:
  explicit Pictures(int count, std::set<size_t> bad = {}, int side = toy::kSide) : bad_(std::move(bad)) {
    for (int i = 0; i < count; ++i)
      pictures_.push_back(side == toy::kSide ? toy::make_png(i, i % 3) : pattern(i, side));
  }
  size_t size() const override { return pictures_.size(); }
  void read(size_t i, Sample& sample) const override {
    static const std::string kText = "<html>not found</html>";
    sample.bytes = bad_.contains(i) ? std::as_bytes(std::span(kText)) : Bytes(pictures_[i]);
    sample.name = cat("picture ", i);
    read_labels(i, sample.labels);
  }
  void read_labels(size_t i, std::vector<float>& labels) const override { labels.assign(1, static_cast<float>(i % 3)); }

 private:
  /// Every pixel differs from its neighbours, so that a crop shows where it was cut.
  static std::vector<std::byte> pattern(int number, int side) {
    image::Image picture;
    picture.resize(side, side, 3);
    for (size_t i = 0; i < picture.pixels.size(); ++i)
      picture.pixels[i] = static_cast<uint8_t>(i * 31 + i / 97 + number);
    std::vector<std::byte> bytes;
    image::encode(picture, image::Format::kPng, 1, bytes);
    return bytes;
  }
  std::vector<std::vector<std::byte>> pictures_;
  std::set<size_t> bad_;
};

SamplerOptions sampler_for(const Dataset& dataset, int64_t global_batch, Order order = Order::kShuffle) {
  SamplerOptions options;
  options.samples = static_cast<int64_t>(dataset.size());
  options.global_batch = global_batch;
  options.order = order;
  return options;
}

LoaderOptions small(int threads = 2) {
  LoaderOptions options;
  options.plan.height = options.plan.width = toy::kSide;
  options.threads = threads;
  return options;
}

/// What a batch holds, after the batch itself is gone.
struct Kept {
  int64_t epoch, index, count, global_count;
  bool last_of_epoch;
  std::vector<int64_t> ids;
  std::vector<float> labels;
  std::vector<uint8_t> pixels;
  friend bool operator==(const Kept&, const Kept&) = default;
};

std::vector<Kept> drain(Loader& loader) {
  std::vector<Kept> all;
  while (const auto batch = loader.next())
    all.push_back({batch->epoch,
                   batch->index,
                   batch->count,
                   batch->global_count,
                   batch->last_of_epoch,
                   {batch->ids.begin(), batch->ids.end()},
                   {batch->labels.begin(), batch->labels.end()},
                   {batch->pixels.begin(), batch->pixels.end()}});
  return all;
}

std::vector<Kept> load(const Dataset& dataset, const SamplerOptions& sampler, const LoaderOptions& options) {
  Loader loader(dataset, sampler, options);
  return drain(loader);
}

TEST(Loader, GivesTheSamplersBatchesWithPixelsLabelsAndIds) {
  const Pictures dataset(23);
  auto options = small();
  options.epochs = 2;
  Sampler sampler(sampler_for(dataset, 5));
  const auto batches = load(dataset, sampler.options(), options);
  ASSERT_EQ(batches.size(), 10u);
  for (size_t b = 0; b < batches.size(); ++b) {
    const Kept& batch = batches[b];
    EXPECT_EQ(batch.epoch, static_cast<int64_t>(b / 5));
    EXPECT_EQ(batch.index, static_cast<int64_t>(b % 5));
    EXPECT_EQ(batch.last_of_epoch, batch.index == 4);
    EXPECT_EQ(batch.ids, sampler.batch(batch.epoch, batch.index));
    EXPECT_EQ(batch.count, batch.index == 4 ? 3 : 5);
    EXPECT_EQ(batch.global_count, batch.count);
    ASSERT_EQ(batch.pixels.size(), batch.ids.size() * toy::kSide * toy::kSide * 3);
    for (size_t i = 0; i < batch.ids.size(); ++i) {
      const auto* pixels = &batch.pixels[i * toy::kSide * toy::kSide * 3];
      EXPECT_EQ(pixels[0], batch.ids[i]);
      EXPECT_EQ(pixels[toy::kSide * toy::kSide * 3 - 1], 7);
      EXPECT_EQ(batch.labels[i], static_cast<float>(batch.ids[i] % 3));
    }
  }
}

TEST(Loader, GivesTheSamePixelsOnAnyNumberOfThreads) {
  const Pictures dataset(17, {}, 24);
  auto options = small(1);
  options.plan.augmentation = image::Augmentation::kCropColorTransform;
  options.epochs = 2;
  const auto alone = load(dataset, sampler_for(dataset, 4), options);
  for (const int threads : {2, 3, 8}) {
    options.threads = threads;
    options.ahead = threads;
    EXPECT_EQ(load(dataset, sampler_for(dataset, 4), options), alone) << threads << " threads";
  }
}

TEST(Loader, ChangesAPictureFromEpochToEpochAndSeedToSeed) {
  const Pictures dataset(1, {}, 64);
  auto options = small();
  options.plan.augmentation = image::Augmentation::kCrop;
  options.epochs = 2;
  const auto batches = load(dataset, sampler_for(dataset, 1), options);
  EXPECT_NE(batches[0].pixels, batches[1].pixels);
  options.seed = 2;
  EXPECT_NE(load(dataset, sampler_for(dataset, 1), options)[0].pixels, batches[0].pixels);
}

TEST(Loader, GoesOnFromAnyBatchAsIfNeverStopped) {
  const Pictures dataset(11, {}, 16);
  auto options = small();
  options.plan.augmentation = image::Augmentation::kCropColor;
  options.epochs = 3;
  const auto whole = load(dataset, sampler_for(dataset, 4), options);
  for (size_t start = 0; start <= whole.size(); ++start) {
    options.first_epoch = static_cast<int64_t>(start) / 3;
    options.first_batch = static_cast<int64_t>(start) % 3;
    EXPECT_EQ(load(dataset, sampler_for(dataset, 4), options), (std::vector<Kept>{whole.begin() + start, whole.end()}));
  }
  options.first_epoch = 0;
  options.first_batch = 3;  // the end of an epoch is the beginning of the next
  EXPECT_EQ(load(dataset, sampler_for(dataset, 4), options).front(), whole[3]);
}

TEST(Loader, SharesTheGlobalBatchAmongTheRanks) {
  const Pictures dataset(13, {}, 16);
  auto options = small();
  options.plan.augmentation = image::Augmentation::kCrop;
  const auto whole = load(dataset, sampler_for(dataset, 4), options);
  for (const int ranks : {2, 3, 4, 7}) {
    std::vector<Kept> together = whole;
    for (auto& batch : together) batch.ids.clear(), batch.labels.clear(), batch.pixels.clear(), batch.count = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      options.rank = rank;
      options.size = ranks;
      const auto part = load(dataset, sampler_for(dataset, 4), options);
      ASSERT_EQ(part.size(), whole.size()) << "a rank without samples in a batch still gets the batch";
      for (size_t b = 0; b < part.size(); ++b) {
        EXPECT_EQ(part[b].global_count, whole[b].count);
        together[b].count += part[b].count;
        together[b].ids.insert(together[b].ids.end(), part[b].ids.begin(), part[b].ids.end());
        together[b].labels.insert(together[b].labels.end(), part[b].labels.begin(), part[b].labels.end());
        together[b].pixels.insert(together[b].pixels.end(), part[b].pixels.begin(), part[b].pixels.end());
      }
    }
    EXPECT_EQ(together, whole) << ranks << " ranks";
  }
}

TEST(Loader, RethrowsAnErrorAtTheBatchOfItsSample) {
  const Pictures dataset(12, {7});
  Loader loader(dataset, sampler_for(dataset, 3, Order::kSequential), small(4));
  EXPECT_EQ(loader.next()->ids[0], 0);
  EXPECT_EQ(loader.next()->ids[0], 3);
  for (int again = 0; again < 2; ++again)
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { loader.next(); }), "picture 7");
}

TEST(Loader, NamesTheFirstOfSeveralBadSamples) {
  for (int repeat = 0; repeat < 5; ++repeat) {
    const Pictures dataset(12, {1, 2, 5, 6});
    Loader loader(dataset, sampler_for(dataset, 12, Order::kSequential), small(4));
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { loader.next(); }), "picture 1:");
  }
}

TEST(Loader, LeavesOutAsManyBadSamplesAnEpochAsItMay) {
  const Pictures dataset(8, {0, 6});
  auto options = small(3);
  options.skip_bad = 2;
  options.epochs = 2;
  testing::internal::CaptureStderr();
  Loader loader(dataset, sampler_for(dataset, 4, Order::kSequential), options);
  const auto batches = drain(loader);
  const std::string logged = testing::internal::GetCapturedStderr();
  ASSERT_EQ(batches.size(), 4u);
  for (size_t b = 0; b < 4; ++b) {
    EXPECT_EQ(batches[b].ids, (b % 2 == 0 ? std::vector<int64_t>{1, 2, 3} : std::vector<int64_t>{4, 5, 7}));
    EXPECT_EQ(batches[b].count, 3);
    EXPECT_EQ(batches[b].global_count, 4);
    ASSERT_EQ(batches[b].pixels.size(), 3u * toy::kSide * toy::kSide * 3);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(batches[b].pixels[i * toy::kSide * toy::kSide * 3], batches[b].ids[i]);
      EXPECT_EQ(batches[b].labels[i], static_cast<float>(batches[b].ids[i] % 3));
    }
  }
  EXPECT_EQ(loader.skipped(), 4);
  test::expect_contains(logged, "left out: picture 0");
  test::expect_contains(logged, "left out: picture 6");
}

TEST(Loader, StopsWhenMoreSamplesAreBadThanAnEpochMaySkip) {
  const Pictures dataset(8, {0, 3, 6});
  auto options = small(2);
  options.skip_bad = 2;
  Loader loader(dataset, sampler_for(dataset, 4, Order::kSequential), options);
  EXPECT_EQ(loader.next()->count, 2);
  const auto message = test::expect_error(ErrorKind::kData, [&] { loader.next(); });
  for (const char* part : {"3 unreadable samples", "2 may be skipped", "picture 6"})
    test::expect_contains(message, part);
}

TEST(Loader, KeepsItsMemoryBoundAndUsesItAgain) {
  const Pictures dataset(40);
  auto options = small();
  options.ahead = 2;
  options.epochs = 5;
  size_t blocks = 0, bytes = 0;
  options.allocate = [&](size_t size) {
    ++blocks;
    bytes += size;
    return plain_memory()(size);
  };
  Loader loader(dataset, sampler_for(dataset, 5), options);
  std::set<const void*> places;
  std::optional<HostBatch> previous;
  while (auto batch = loader.next()) {
    places.insert(batch->pixels.data());
    previous = std::move(batch);  // two are held in the moment between
  }
  EXPECT_EQ(blocks, 4u);
  EXPECT_EQ(bytes, loader.memory_bytes());
  EXPECT_LE(places.size(), 4u);
  EXPECT_GE(bytes, 4u * 5 * toy::kSide * toy::kSide * 3);
  EXPECT_LE(bytes, 4u * (5 * (toy::kSide * toy::kSide * 3 + 8 + 4) + 3 * 64));
}

TEST(Loader, TakesNoMemoryForBatchesThatItWillNotMake) {
  const Pictures dataset(10);
  EXPECT_LT(Loader(dataset, sampler_for(dataset, 1000), small()).memory_bytes(),
            11u * toy::kSide * toy::kSide * 3 + 512);
}

TEST(Loader, LeavesABatchAliveThatOutlivesIt) {
  const Pictures dataset(10);
  std::optional<HostBatch> batch;
  {
    Loader loader(dataset, sampler_for(dataset, 2, Order::kSequential), small());
    loader.next();
    batch = loader.next();
  }
  EXPECT_EQ(batch->ids[1], 3);
  EXPECT_EQ(batch->pixels[0], 2);
}

TEST(Loader, SaysWhenTheConsumerHoldsAllMemory) {
  const Pictures dataset(40);
  auto options = small();
  options.ahead = 1;
  Loader loader(dataset, sampler_for(dataset, 2), options);
  std::vector<HostBatch> held;
  for (int i = 0; i < 3; ++i) held.push_back(*loader.next());
  test::expect_contains(test::expect_error(ErrorKind::kBug, [&] { loader.next(); }), "still in use");
  held.clear();
  EXPECT_EQ(loader.next()->index, 3);
}

TEST(Loader, EndsWhileItsThreadsWaitOrWork) {
  const Pictures dataset(60);
  for (const int consumed : {0, 1, 3}) {
    auto options = small(4);
    options.epochs = 1000;
    Loader loader(dataset, sampler_for(dataset, 7), options);
    for (int i = 0; i < consumed; ++i) loader.next();
  }
}

TEST(Loader, HasNothingAfterTheLastEpoch) {
  const Pictures dataset(4);
  auto options = small();
  options.first_epoch = 3;
  options.epochs = 3;
  Loader loader(dataset, sampler_for(dataset, 4), options);
  EXPECT_FALSE(loader.next().has_value());
  EXPECT_FALSE(loader.next().has_value());
  EXPECT_EQ(loader.memory_bytes(), 0u);
  EXPECT_EQ(loader.batches_per_epoch(), 1);
}

TEST(Loader, CountsTheTimeThatItsConsumerWaits) {
  const Pictures dataset(4);
  Loader loader(dataset, sampler_for(dataset, 4), small());
  EXPECT_EQ(loader.seconds_waited(), 0);
  loader.next();
  EXPECT_GT(loader.seconds_waited(), 0);
}

TEST(Loader, CountsWhatItsThreadsDo) {
  const Pictures dataset(8, {}, 64);
  Loader loader(dataset, sampler_for(dataset, 4), small());
  drain(loader);
  const LoaderTimes times = loader.times();
  EXPECT_EQ(times.samples, 8);
  for (const double seconds : {times.read, times.plan, times.decode, times.apply, times.waited}) EXPECT_GT(seconds, 0);
  EXPECT_DOUBLE_EQ(times.busy(), times.read + times.plan + times.decode + times.apply);
  EXPECT_LE(times.waited, times.elapsed);
  EXPECT_LE(times.busy(), 2 * times.elapsed) << "two threads";
  const LoaderTimes none = times - times;
  EXPECT_EQ(none.samples, 0);
  EXPECT_EQ(none.busy() + none.waited + none.elapsed, 0);
}

TEST(Loader, FindsThatStorageIsTheBound) {
  /// On a slow disk.
  class Slow : public Pictures {
   public:
    using Pictures::Pictures;
    void read(size_t i, Sample& sample) const override {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      Pictures::read(i, sample);
    }
  };
  const Slow dataset(6);
  Loader loader(dataset, sampler_for(dataset, 2), small());
  drain(loader);
  EXPECT_EQ(bound_of(loader.times()), Bound::kStorage);
}

TEST(Loader, TellsTheDatasetOnceInTheirOrderWhichSamplesItWillRead) {
  /// Keeps what it was told.
  class Told : public Pictures {
   public:
    using Pictures::Pictures;
    void will_read(size_t i) const override {
      told.push_back(static_cast<int64_t>(i));
      ++count;
    }
    mutable std::vector<int64_t> told;  // by one thread, and read when it has ended
    mutable std::atomic<size_t> count{0};
  };
  const Told dataset(11);
  std::vector<int64_t> expected;
  {
    auto options = small();
    options.epochs = 3;
    options.first_batch = 1;
    options.rank = 1;
    options.size = 2;
    Loader loader(dataset, sampler_for(dataset, 4), options);
    for (const auto& batch : drain(loader)) expected.insert(expected.end(), batch.ids.begin(), batch.ids.end());
    for (int i = 0; i < 10'000 && dataset.count < expected.size(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(dataset.told, expected);
}

TEST(Loader, WorksWithFewerThreadsForASlowConsumer) {
  const Pictures dataset(4);
  auto options = small(4);
  options.adapts = true;
  options.epochs = 1'000'000;
  Loader loader(dataset, sampler_for(dataset, 1), options);
  EXPECT_EQ(loader.active_threads(), 4);
  for (int i = 0; i < 2000 && loader.active_threads() == 4; ++i) {
    const auto batch = loader.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_LT(loader.active_threads(), 4);
  EXPECT_TRUE(loader.next().has_value());
}

TEST(Loader, MapsClassesToThoseOfTheModel) {
  const Pictures dataset(6);
  auto options = small();
  options.label_map = {7, 0, 2};
  const auto batches = load(dataset, sampler_for(dataset, 6, Order::kSequential), options);
  EXPECT_EQ(batches[0].labels, (std::vector<float>{7, 0, 2, 7, 0, 2}));
}

TEST(Loader, NamesTheSampleWhoseClassHasNoPlaceInTheMap) {
  const Pictures dataset(6);
  auto options = small();
  options.label_map = {1, 0};
  Loader loader(dataset, sampler_for(dataset, 6, Order::kSequential), options);
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { loader.next(); }), "picture 2: label 2");
}

TEST(Loader, MovesTheColumnsOfSeveralLabels) {
  const test::TempFolder folder;
  record::Writer writer(folder / "x.rec", Path());
  std::vector<std::byte> payload;
  record::pack(0, std::vector<float>{1, 0, 0}, true, toy::make_png(9, 0), payload);
  writer.write(0, payload);
  writer.finish();
  auto dataset_options = toy::options_for(folder / "x.rec");
  dataset_options.multi_label = true;
  const auto dataset = open_dataset(dataset_options);
  auto options = small();
  options.label_map = {2, 0, 1};
  EXPECT_EQ(load(*dataset, sampler_for(*dataset, 1), options)[0].labels, (std::vector<float>{0, 0, 1}));
  options.label_map = {2, 0};
  test::expect_error(ErrorKind::kBug, [&] { Loader loader(*dataset, sampler_for(*dataset, 1), options); });
}

TEST(Loader, ReadsGreyPicturesInOneAndThreeChannels) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto dataset_options = toy::options_for(test::data_folder() / "D2_mnist-png");
  dataset_options.role = "validation";
  const auto dataset = open_dataset(dataset_options);
  auto options = small();
  options.plan.height = options.plan.width = 28;
  const auto colour = load(*dataset, sampler_for(*dataset, 100), options);
  options.plan.channels = 1;
  const auto grey = load(*dataset, sampler_for(*dataset, 100), options);
  ASSERT_EQ(grey.size(), 5u);
  for (size_t b = 0; b < grey.size(); ++b) {
    ASSERT_EQ(colour[b].pixels.size(), 3 * grey[b].pixels.size());
    for (size_t i = 0; i < grey[b].pixels.size(); ++i)
      for (size_t c = 0; c < 3; ++c) ASSERT_EQ(colour[b].pixels[3 * i + c], grey[b].pixels[i]);
  }
}

TEST(Loader, GoesThroughRealPhotographsOnce) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto dataset_options = toy::options_for(test::data_folder() / "A_cats-dogs");
  dataset_options.role = "validation";
  const auto dataset = open_dataset(dataset_options);
  auto options = small();
  options.plan.height = options.plan.width = 64;
  options.plan.resize = 72;
  options.plan.augmentation = image::Augmentation::kCropColorTransform;
  std::vector<int64_t> ids;
  for (const auto& batch : load(*dataset, sampler_for(*dataset, 64), options))
    ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
  std::ranges::sort(ids);
  ASSERT_EQ(ids.size(), 300u);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

}  // namespace
}  // namespace lockstep::data

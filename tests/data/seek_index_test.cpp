#include "lockstep/data/seek_index.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "data/photographs.h"
#include "lockstep/core/hash.h"
#include "lockstep/data/loader.h"
#include "lockstep/record/reader.h"
#include "seek_index_reader.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

/// The points that a dataset gives with each sample, and what it logged on the way.
struct Read {
  std::vector<std::vector<std::byte>> points;
  std::string logged;
  size_t with_points() const {
    return static_cast<size_t>(std::ranges::count_if(points, [](const auto& one) { return !one.empty(); }));
  }
};

Read read_all(const DatasetOptions& options) {
  Read read;
  testing::internal::CaptureStderr();
  {
    const auto dataset = open_dataset(options);
    Sample sample;
    for (size_t i = 0; i < dataset->size(); ++i) {
      dataset->read(i, sample);
      read.points.emplace_back(sample.seek_points.begin(), sample.seek_points.end());
    }
  }
  read.logged = testing::internal::GetCapturedStderr();
  return read;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Records of 3 photographs and their index.
class SeekIndex : public testing::Test {
 protected:
  SeekIndex() : options_(toy::write_photographs(folder_ / "x", 3)), summary_(write_seek_index(folder_ / "x.rec", 2)) {
    Sample sample;
    const auto dataset = open_dataset(options_);
    for (size_t i = 0; i < dataset->size(); ++i) {
      dataset->read(i, sample);
      points_.push_back(image::index_scan(sample.bytes));
    }
  }

  void write_index(Bytes bytes) { toy::write_file(folder_ / "x.jdx", bytes); }
  std::vector<std::byte> index() { return read_bytes(folder_ / "x.jdx"); }
  /// Some points are missing, which one warning says; the others are the true ones.
  void expect_true_or_none(const std::string& what) {
    const Read read = read_all(options_);
    for (size_t i = 0; i < points_.size(); ++i)
      EXPECT_TRUE(read.points[i].empty() || read.points[i] == points_[i]) << what << ", record " << i;
    EXPECT_LT(read.with_points(), points_.size()) << what << " is not checked";
    EXPECT_EQ(count(read.logged, "lockstep index"), 1u) << what;
  }

  test::TempFolder folder_;
  DatasetOptions options_;
  SeekIndexSummary summary_;
  std::vector<std::vector<std::byte>> points_;
};

TEST_F(SeekIndex, GivesEachSampleTheSeekPointsOfItsPicture) {
  const Read read = read_all(options_);
  ASSERT_EQ(read.points.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(read.points[i].empty());
    EXPECT_EQ(read.points[i], points_[i]);
  }
  EXPECT_EQ(read.logged, "");
}

TEST_F(SeekIndex, IsSummed) {
  EXPECT_EQ(summary_.path, folder_ / "x.jdx");
  EXPECT_EQ(summary_.records, 3);
  EXPECT_EQ(summary_.indexed, 3);
  EXPECT_EQ(summary_.unreadable, 0);
  EXPECT_EQ(summary_.bytes, index().size());
  EXPECT_EQ(summary_.record_bytes, read_bytes(folder_ / "x.rec").size());
}

TEST_F(SeekIndex, HasTheBytesThatItsHeaderSays) {
  const auto bytes = index();
  const auto number = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, &bytes[at], sizeof value);
    return value;
  };
  EXPECT_EQ(std::memcmp(bytes.data(), "lockjdx1", 8), 0);
  const size_t tail = bytes.size() - 48, table = tail - 3 * 16;
  const auto records = read_bytes(folder_ / "x.rec");
  EXPECT_EQ(number(tail), 3u);
  EXPECT_EQ(number(tail + 8), records.size());
  EXPECT_EQ(number(tail + 16), hash(records));
  EXPECT_EQ(number(tail + 24), hash(Bytes(records).last(4096), hash(Bytes(records).first(4096))));
  EXPECT_EQ(number(tail + 32), hash(Bytes(bytes).subspan(table, 48)));
  EXPECT_EQ(number(tail + 40), hash(Bytes(bytes).subspan(tail, 40)));
  uint64_t end = 0;
  for (size_t i = 0; i < 3; ++i) {
    end += points_[i].size();
    EXPECT_EQ(number(table + 16 * i), end);
    EXPECT_EQ(number(table + 16 * i + 8), hash(points_[i], hash(toy::make_jpeg(static_cast<int>(i)))));
  }
  EXPECT_EQ(table, 8 + end);
}

TEST_F(SeekIndex, IsTheSameOnAnyNumberOfThreads) {
  const auto two = index();
  write_seek_index(folder_ / "x.rec", 1);
  EXPECT_EQ(index(), two);
}

TEST_F(SeekIndex, IsLeftAloneWhereItIsNotWanted) {
  options_.seek_index = false;
  EXPECT_EQ(read_all(options_).with_points(), 0u);
}

TEST_F(SeekIndex, ChangesNoPixel) {
  const auto load = [&](bool seek_index, bool scaled) {
    options_.seek_index = seek_index;
    const auto dataset = open_dataset(options_);
    LoaderOptions loader_options;
    loader_options.plan.height = loader_options.plan.width = 64;
    loader_options.plan.augmentation = image::Augmentation::kRandomResizedCrop;
    loader_options.plan.scaled_decode = scaled;
    loader_options.epochs = 20;
    Loader loader(*dataset, {.samples = 3, .global_batch = 3, .labels = {}}, loader_options);
    std::vector<uint8_t> pixels;
    while (const auto batch = loader.next()) pixels.insert(pixels.end(), batch->pixels.begin(), batch->pixels.end());
    return pixels;
  };
  for (const bool scaled : {false, true}) EXPECT_TRUE(load(true, scaled) == load(false, scaled));
}

TEST_F(SeekIndex, CutOffAnywhereIsIgnoredWithOneWarning) {
  const auto whole = index();
  for (size_t size = 0; size < whole.size(); size += size < 16 || size + 100 > whole.size() ? 1 : 29) {
    write_index(Bytes(whole).first(size));
    const Read read = read_all(options_);
    EXPECT_EQ(read.with_points(), 0u) << size << " bytes";
    EXPECT_EQ(count(read.logged, "is not used"), 1u) << size << " bytes";
  }
}

TEST_F(SeekIndex, WithAFlippedBitGivesTrueSeekPointsOrNone) {
  const auto whole = index();
  for (size_t at = 0; at < whole.size(); at += at < 16 || at + 100 > whole.size() ? 1 : 5) {
    auto damaged = whole;
    damaged[at] ^= std::byte{1} << at % 8;
    write_index(damaged);
    expect_true_or_none(cat("bit ", at % 8, " of byte ", at));
  }
}

TEST_F(SeekIndex, OfOtherRecordsOfTheSameSizeIsIgnored) {
  // The same pictures in another order, between equal ends: only the pictures themselves can tell.
  const std::vector<int> orders[] = {{0, 1, 2, 0}, {0, 2, 1, 0}};
  const auto write = [&](const std::vector<int>& order) {
    record::Writer writer(folder_ / "y.rec", folder_ / "y.idx");
    std::vector<std::byte> payload;
    const float label = 0;
    for (const int number : order) {
      record::pack(7, std::span(&label, 1), false, toy::make_jpeg(number), payload);
      writer.write(7, payload);
    }
    writer.finish();
  };
  write(orders[0]);
  write_seek_index(folder_ / "y.rec", 1);
  const auto before = read_bytes(folder_ / "y.rec");
  write(orders[1]);
  ASSERT_EQ(read_bytes(folder_ / "y.rec").size(), before.size());
  ASSERT_NE(read_bytes(folder_ / "y.rec"), before);
  const Read read = read_all(toy::options_for(folder_ / "y.rec"));
  EXPECT_EQ(read.points[0], points_[0]);
  EXPECT_TRUE(read.points[1].empty());
  EXPECT_TRUE(read.points[2].empty());
  EXPECT_EQ(read.points[3], points_[0]);
  EXPECT_EQ(count(read.logged, "lockstep index"), 1u);
  test::expect_error(ErrorKind::kData, [&] { check_seek_index(folder_ / "y.rec", 1); });
}

TEST_F(SeekIndex, OfRecordsThatGrewIsIgnored) {
  toy::write_photographs(folder_ / "x", 4);
  const Read read = read_all(options_);
  EXPECT_EQ(read.with_points(), 0u);
  test::expect_contains(read.logged, "it belongs to records of");
}

TEST_F(SeekIndex, CheckFindsItGood) {
  const auto checked = check_seek_index(folder_ / "x.rec", 2);
  EXPECT_EQ(checked.records, 3);
  EXPECT_EQ(checked.indexed, 3);
}

TEST_F(SeekIndex, CheckFindsEveryChangeOfTheRecords) {
  const auto records = read_bytes(folder_ / "x.rec");
  for (const size_t at : {size_t{20}, records.size() / 2, records.size() - 8}) {
    auto changed = records;
    changed[at] ^= std::byte{16};
    toy::write_file(folder_ / "x.rec", changed);
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { check_seek_index(folder_ / "x.rec", 1); }),
                          "lockstep index");
  }
}

TEST_F(SeekIndex, CheckMissesAnAbsentOne) {
  std::filesystem::remove(folder_ / "x.jdx");
  test::expect_error(ErrorKind::kIo, [&] { check_seek_index(folder_ / "x.rec", 1); });
  EXPECT_EQ(read_all(options_).logged, "");
}

TEST(SeekIndexFile, HasNothingForPicturesWithoutSeekPointsAndDamagedRecords) {
  const test::TempFolder folder;
  toy::write_records(folder.path(), toy::make_pictures(5));  // PNG
  auto bytes = read_bytes(folder / "toy.rec");
  const record::Reader reader(folder / "toy.rec");
  bytes[reader.offset(3)] ^= std::byte{1};
  toy::write_file(folder / "toy.rec", bytes);
  const auto summary = write_seek_index(folder / "toy.rec", 2);
  EXPECT_EQ(summary.indexed, 0);
  EXPECT_EQ(summary.unreadable, 1);
  EXPECT_EQ(check_seek_index(folder / "toy.rec", 2).unreadable, 1);
}

TEST(SeekIndexFile, HasNoTableWhereAllPicturesAreSmall) {
  const test::TempFolder folder;
  record::Writer writer(folder / "small.rec", folder / "small.idx");
  std::vector<std::byte> payload;
  const float label = 0;
  for (int i = 0; i < 3; ++i) {
    record::pack(static_cast<uint64_t>(i), std::span(&label, 1), false, toy::make_jpeg(i, 40, 30), payload);
    writer.write(static_cast<uint64_t>(i), payload);
  }
  writer.finish();
  const auto summary = write_seek_index(folder / "small.rec", 2);
  EXPECT_EQ(summary.indexed, 0);
  EXPECT_EQ(summary.bytes, sizeof kSeekIndexMagic + sizeof(SeekIndexTail));
  EXPECT_EQ(check_seek_index(folder / "small.rec", 2).records, 3);
  Sample sample;
  const auto reader = SeekIndexReader::open(folder / "small.rec", 3);
  ASSERT_NE(reader, nullptr);
  open_dataset(toy::options_for(folder / "small.rec"))->read(2, sample);
  EXPECT_TRUE(reader->points(2, sample.bytes).empty());
}

TEST(SeekIndexFile, LeavesNothingBehindWhereItCannotBeWritten) {
  const test::TempFolder folder;
  toy::write_photographs(folder / "x", 1);
  std::filesystem::create_directories(folder / "x.jdx" / "occupied");
  test::expect_error(ErrorKind::kIo, [&] { write_seek_index(folder / "x.rec", 1); });
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 3u);
}

}  // namespace
}  // namespace lockstep::data

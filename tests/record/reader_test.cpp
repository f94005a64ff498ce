#include "lockstep/record/reader.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "bytes.h"
#include "lockstep/record/format.h"
#include "lockstep/record/writer.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::record {
namespace {

using test::kMagicText;

/// A file of four records, one of them cut at two magics, with its index.
class RecordReader : public testing::Test {
 protected:
  RecordReader() {
    Writer writer(path_, folder_ / "a.idx");
    for (size_t i = 0; i < payloads_.size(); ++i) writer.write(10 + i, test::as_bytes(payloads_[i]));
    writer.finish();
    bytes_ = read_bytes(path_);
  }

  void drop_index() { std::filesystem::remove(folder_ / "a.idx"); }
  void write(Bytes bytes) { test::write_bytes(path_, bytes); }

  /// Reads all records; returns the numbers of those that are sound and checks that these are payloads of the original
  /// file.
  std::vector<size_t> sound_records() {
    const Reader reader(path_);
    std::vector<size_t> sound;
    std::vector<std::byte> storage;
    for (size_t i = 0; i < reader.size(); ++i) {
      try {
        auto text = test::as_text(reader.read(i, storage));
        // A length that grew into the padding is the one damage that the format cannot show; it adds zeros behind the
        // picture.
        while (text.ends_with('\0')) text.pop_back();
        EXPECT_NE(std::find(payloads_.begin(), payloads_.end(), text), payloads_.end())
            << "record " << i << " is a wrong record";
        sound.push_back(i);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kData);
        test::expect_contains(error.what(), cat(path_.string(), ": record ", i, " at byte ", reader.offset(i)));
      }
    }
    return sound;
  }

  test::TempFolder folder_;
  const Path path_ = folder_ / "a.rec";
  const std::vector<std::string> payloads_ = {"first", "abcd" + kMagicText + "efgh" + kMagicText + "x", "third picture",
                                              "fourth!!"};
  const std::vector<uint64_t> offsets_ = {0, 16, 52, 76};
  std::vector<std::byte> bytes_;
};

TEST_F(RecordReader, ReadsWhatWasWritten) {
  const Reader reader(path_);
  EXPECT_EQ(reader.index_note(), "");
  ASSERT_EQ(reader.size(), 4u);
  std::vector<std::byte> storage;
  for (size_t i = 0; i < reader.size(); ++i) {
    EXPECT_EQ(test::as_text(reader.read(i, storage)), payloads_[i]);
    EXPECT_EQ(reader.offset(i), offsets_[i]);
  }
}

TEST_F(RecordReader, CopiesOnlyRecordsThatWereCut) {
  const Reader reader(path_);
  std::vector<std::byte> storage;
  reader.read(0, storage);
  EXPECT_TRUE(storage.empty());
  const Bytes joined = reader.read(1, storage);
  EXPECT_EQ(joined.data(), storage.data());
}

TEST_F(RecordReader, ScansWithoutAnIndex) {
  drop_index();
  EXPECT_EQ(Reader(path_).index_note(), "absent");
  EXPECT_EQ(sound_records().size(), 4u);
}

TEST_F(RecordReader, TakesAnEmptyFileForNoRecords) {
  write({});
  EXPECT_EQ(Reader(path_).size(), 0u);
}

TEST_F(RecordReader, NamesAFileThatIsNotThere) {
  test::expect_contains(test::expect_error(ErrorKind::kIo, [] { Reader("/nonexistent.rec"); }), "/nonexistent.rec");
}

TEST_F(RecordReader, NeverBelievesAnIndexThatIsNotTheFiles) {
  const struct {
    const char* index;
    const char* note;
  } cases[] = {{"10\t0\n12\t52\n13\t76\n", "stale: record 1 begins at byte 16, not at 52"},
               {"10\t0\n11\t16\n12\t52\n", "stale: it names 3 records, the file goes on"},
               {"10\t0\n11\t16\n12\t52\n13\t76\n14\t92\n", "stale: it names 5 records, the file ends after 4"},
               {"10\t0\n11\t16\n12\t64\n13\t76\n", "stale: record 2 begins at byte 52, not at 64"},
               {"10\t0\n11\t0\n", "stale: record 1"},
               {"10\t0\n11\t99999999999999999999999\n", "stale: line 2"},
               {"no index at all", "stale: line 1"},
               {"", "stale: it names 0 records"}};
  for (const auto& c : cases) {
    write_atomic(folder_ / "a.idx", c.index);
    EXPECT_EQ(Reader(path_).index_note().substr(0, std::string(c.note).size()), c.note);
    EXPECT_EQ(sound_records().size(), 4u) << c.index;
  }
}

TEST_F(RecordReader, NamesFileOffsetAndNumberOfABadLength) {
  bytes_[offsets_[2] + 5] = std::byte{0x40};
  write(bytes_);
  const Reader reader(path_);
  test::expect_contains(reader.index_note(), "record 2");
  std::vector<std::byte> storage;
  const auto message = test::expect_error(ErrorKind::kData, [&] { reader.read(2, storage); });
  test::expect_contains(message, cat(path_.string(), ": record 2 at byte 52 is damaged"));
  EXPECT_EQ(test::as_text(reader.read(3, storage)), payloads_[3]) << "the reader must find the next record again";
}

TEST_F(RecordReader, SeesALengthThatSwallowsTheNextRecord) {
  drop_index();
  Writer writer(path_, {});
  for (int i = 0; i < 4; ++i) writer.write(i, test::as_bytes("12345678"));
  writer.finish();
  auto bytes = read_bytes(path_);
  bytes[4] = std::byte{24};  // ends exactly where the third record begins
  write(bytes);
  std::vector<std::byte> storage;
  const auto message = test::expect_error(ErrorKind::kData, [&] { Reader(path_).read(0, storage); });
  test::expect_contains(message, "another record begins inside");
}

// A flipped bit in magic, length or kind must lead to an Error of that record or of the file, never to a wrong payload.
TEST_F(RecordReader, SurvivesEveryFlippedBitOfEveryHeader) {
  for (const bool indexed : {true, false}) {
    if (!indexed) drop_index();
    for (const size_t header : {0, 16, 28, 40, 52, 76})
      for (size_t bit = 0; bit < 64; ++bit) {
        auto damaged = bytes_;
        damaged[header + bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        write(damaged);
        SCOPED_TRACE(cat("header ", header, " bit ", bit));
        if (header == 0 && bit < 32) {
          test::expect_contains(test::expect_error(ErrorKind::kData, [&] { Reader reader(path_); }), "not as RecordIO");
        } else {
          EXPECT_GE(sound_records().size(), 2u) << "at most the record before the damage may be doubted as well";
        }
      }
  }
}

TEST_F(RecordReader, SurvivesEveryTruncation) {
  for (size_t size = 1; size < bytes_.size(); ++size) {
    write(Bytes(bytes_).first(size));
    SCOPED_TRACE(cat("cut to ", size, " bytes"));
    if (size < 4) {
      test::expect_error(ErrorKind::kData, [&] { Reader reader(path_); });
      continue;
    }
    size_t whole = 0;
    while (whole + 1 < offsets_.size() && offsets_[whole + 1] <= size) ++whole;
    EXPECT_EQ(sound_records().size(), whole);
  }
}

TEST_F(RecordReader, KeepsDamageAsOneRecordAndGoesOn) {
  drop_index();
  for (size_t i = offsets_[1] + 8; i < offsets_[3]; ++i) bytes_[i] = std::byte{0x55};
  write(bytes_);
  EXPECT_EQ(sound_records(), (std::vector<size_t>{0, 2}));
}

TEST_F(RecordReader, DoubtsARecordWithForeignBytesBehindIt) {
  bytes_.resize(bytes_.size() + 6);
  write(bytes_);
  EXPECT_EQ(sound_records(), (std::vector<size_t>{0, 1, 2}));
}

TEST_F(RecordReader, SeesALengthThatIsTooShort) {
  bytes_[offsets_[2] + 4] = std::byte{8};  // of 13
  write(bytes_);
  std::vector<std::byte> storage;
  const auto message = test::expect_error(ErrorKind::kData, [&] { Reader(path_).read(2, storage); });
  test::expect_contains(message, "its length or kind is wrong");
}

TEST_F(RecordReader, NamesForeignFiles) {
  const std::pair<const char*, const char*> cases[] = {
      {"504b0304 14000000", "a zip archive"},
      {"0500000000000000 ea b2 04 3e 6865 6c6c 6f", "a TFRecord file"},
      {"0a 04 0a02 7631 12 02 0a00", "protobuf"},
      {"ffd8ffe0", "a JPEG picture"},
      {"0c 0a 04 0a02 7631 12 04 0a02 0000", "protobuf"},
      {"0a23d7ce 0a000000 0a 04 0a02 7631 12 02 0a00 0000", "protobuf"}};
  for (const auto& [hex, name] : cases) {
    write(test::from_hex(hex));
    const auto message = test::expect_error(ErrorKind::kData, [&] { Reader reader(path_); });
    test::expect_contains(message, name);
    test::expect_contains(message, path_.string());
    test::expect_contains(message, "at byte 0");
  }
}

TEST_F(RecordReader, IsReadByManyThreadsAtOnce) {
  const Reader reader(path_);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::byte> storage;
      for (size_t i = t; i < 2000; ++i) wrong += test::as_text(reader.read(i % 4, storage)) != payloads_[i % 4];
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace lockstep::record

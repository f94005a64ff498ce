#include "zip.h"

#include <gtest/gtest.h>

#include "damage.h"
#include "zip_bytes.h"

namespace lockstep::model {
namespace {

using test::bytes_of;
using test::expect_contains;
using test::expect_error;
using test::text_of;
using test::zip_bytes;

const std::map<std::string, std::string> kEntries = {
    {"a/one", "first content"}, {"a/two", std::string(300, 'x')}, {"empty", ""}};

TEST(Zip, ReadsEveryEntry) {
  for (const bool zip64 : {false, true}) {
    const std::string archive = zip_bytes(kEntries, {.zip64 = zip64});
    ASSERT_TRUE(Zip::is_zip(bytes_of(archive)));
    const Zip zip(bytes_of(archive), "x.zip");
    EXPECT_EQ(zip.entries().size(), kEntries.size());
    for (const auto& [name, content] : kEntries) EXPECT_EQ(text_of(zip.read(name)), content) << name;
    EXPECT_FALSE(zip.has("three"));
    expect_contains(expect_error(ErrorKind::kData, [&] { zip.read("three"); }), "\"three\" is absent");
  }
}

TEST(Zip, MayHaveACommentBehindIt) {
  const std::string archive = zip_bytes(kEntries, {.comment = std::string(1000, 'c')});
  EXPECT_EQ(text_of(Zip(bytes_of(archive), "x").read("a/one")), "first content");
}

TEST(Zip, EveryTruncationIsRefusedWithItsOffset) {
  for (const bool zip64 : {false, true}) {
    const std::string archive = zip_bytes(kEntries, {.zip64 = zip64});
    for (size_t size = 0; size < archive.size(); ++size)
      expect_contains(
          expect_error(ErrorKind::kData, [&] { Zip(bytes_of(std::string_view(archive).substr(0, size)), "x.zip"); }),
          "x.zip: offset");
  }
}

TEST(Zip, NoFlippedBitDoesHarmOrGoesUnseen) {
  for (const bool zip64 : {false, true})
    test::flip_bits(zip_bytes(kEntries, {.zip64 = zip64}), 1, [](const std::string& text) {
      const Zip zip(bytes_of(text), "x");
      for (const auto& [name, entry] : zip.entries()) {
        const std::string content = text_of(zip.read(name));
        const auto known = kEntries.find(name);
        if (known != kEntries.end()) {
          EXPECT_EQ(content, known->second) << name;
        }
      }
    });
}

TEST(Zip, RefusesWhatTorchNeverWrites) {
  const std::string packed = zip_bytes(kEntries, {.method = 8});
  expect_contains(expect_error(ErrorKind::kData, [&] { Zip(bytes_of(packed), "x").read("a/one"); }), "compressed");
  const std::string twice = zip_bytes(kEntries, {.names_twice = true});
  expect_contains(expect_error(ErrorKind::kData, [&] { Zip(bytes_of(twice), "x"); }), "stands twice");
}

TEST(Zip, NamesTheEntryWhoseContentIsDamaged) {
  std::string archive = zip_bytes(kEntries);
  archive[archive.find("first")] = 'F';
  const Zip zip(bytes_of(archive), "x.zip");
  const std::string message = expect_error(ErrorKind::kData, [&] { zip.read("a/one"); });
  expect_contains(message, "x.zip: entry \"a/one\"");
  expect_contains(message, "CRC");
  EXPECT_EQ(text_of(zip.read("a/two")), std::string(300, 'x'));
}

TEST(Crc32, IsThatOfTheStandard) { EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u); }

}  // namespace
}  // namespace lockstep::model

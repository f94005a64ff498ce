#include "jpeg_index.h"

#include <gtest/gtest.h>

#include "jpeg_baseline.h"
#include "libjpeg.h"
#include "lockstep/core/file.h"
#include "pictures.h"

namespace lockstep::image {
namespace {

using test::make_picture;
using test::write_jpeg;

JpegHeader header_of(Bytes bytes) {
  JpegHeader header;
  EXPECT_TRUE(read_jpeg_header(bytes, header));
  return header;
}

JpegIndex points_of(Bytes bytes, const JpegHeader& header) {
  JpegScan scan;
  JpegIndex index;
  EXPECT_TRUE(scan.open(bytes, header));
  EXPECT_TRUE(find_seek_points(bytes.size(), header, scan, index));
  return index;
}

TEST(JpegIndex, PackedPointsComeBack) {
  for (int channels : {1, 3})
    for (int restart_mcus : {0, 7}) {
      const auto bytes =
          write_jpeg(make_picture(700, 300, channels),
                     {.space = channels == 1 ? JCS_GRAYSCALE : JCS_YCbCr, .quality = 97, .restart_mcus = restart_mcus});
      const JpegHeader header = header_of(bytes);
      const JpegIndex found = points_of(bytes, header);
      EXPECT_GE(found.points.size(), 100U);
      JpegIndex back;
      ASSERT_TRUE(
          unpack_index(pack_index(bytes.size(), header, found), bytes.size(), header, header.mcus_down(), back));
      EXPECT_EQ(back.step, found.step);
      EXPECT_EQ(back.across, found.across);
      EXPECT_EQ(back.points, found.points);
      ASSERT_TRUE(unpack_index(index_scan(bytes), bytes.size(), header, 2, back));
      EXPECT_EQ(back.points.size(), 2U * found.across);
    }
}

TEST(JpegIndex, LargeDifferencesTakeTheLongForm) {
  const auto bytes = write_jpeg(make_picture(64, 64));
  const JpegHeader header = header_of(bytes);
  JpegIndex index{.step = 1, .across = 4};
  for (uint32_t i = 0; i < 16; ++i)
    index.points.push_back({i < 15 ? 100 * i : 1'000'000'000U, {static_cast<int16_t>(i % 5 ? 1 : -32768), 0, 32767}});
  JpegIndex back;
  ASSERT_TRUE(unpack_index(pack_index(9, header, index), 9, header, 4, back));
  EXPECT_EQ(back.points, index.points);
}

TEST(JpegIndex, APointIsWhereItsMcuDecodes) {
  const auto bytes = write_jpeg(make_picture(300, 200), {.quality = 95, .restart_mcus = 5});
  const JpegHeader header = header_of(bytes);
  const JpegIndex index = points_of(bytes, header);
  JpegScan scan;
  ASSERT_TRUE(scan.open(bytes, header));
  for (size_t i = 0; i + 1 < index.points.size(); ++i) {
    const auto column = static_cast<int>(i % index.across) * index.step;
    ASSERT_TRUE(scan.jump(static_cast<int64_t>(i / index.across) * header.mcus_across() + column, index.points[i]));
    ASSERT_TRUE(scan.skip(std::min(index.step, header.mcus_across() - column)));
    SeekPoint next;
    ASSERT_TRUE(scan.here(next));
    EXPECT_EQ(next, index.points[i + 1]);
  }
}

TEST(JpegIndex, IsALittlePartOfThePicture) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  size_t pictures = 0, indexes = 0;
  for (const auto& path : test::real_pictures("E_imagenet-photos", 112)) {
    const auto bytes = read_bytes(path);
    pictures += bytes.size();
    indexes += index_scan(bytes).size();
  }
  EXPECT_LT(static_cast<double>(indexes), 0.015 * static_cast<double>(pictures));
}

TEST(JpegIndex, OneOfAnotherFileIsRefusedOrNoticed) {
  const auto one = write_jpeg(make_picture(200, 150, 3, 1)), other = write_jpeg(make_picture(200, 150, 3, 2));
  const JpegHeader header = header_of(one);
  JpegIndex index;
  EXPECT_FALSE(unpack_index(index_scan(other), one.size(), header, 1, index));
  EXPECT_TRUE(index.is_empty());
  // The size made to fit: the points contradict what is decoded between them.
  auto forged = index_scan(other);
  for (int i = 0; i < 4; ++i) forged[1 + i] = std::byte(one.size() >> (8 * i));
  ASSERT_TRUE(unpack_index(forged, one.size(), header, 1, index));
  Image out, whole;
  decode_by_libjpeg(one, 200, 150, 1, {0, 0, 200, 150}, 3, whole);
  ASSERT_TRUE(decode_baseline(one, forged, 200, 150, {20, 30, 150, 100}, 3, out));
  EXPECT_TRUE(out.pixels == test::cut(whole, {20, 30, 150, 100}).pixels);
}

TEST(JpegIndex, AnyBytesInItsPlaceAreSafe) {
  const auto bytes = write_jpeg(make_picture(200, 150), {.quality = 95});
  const auto index = index_scan(bytes);
  Rng rng(5, RngUse::kTest);
  Image out;
  for (size_t size = 0; size < index.size(); ++size)
    EXPECT_TRUE(decode_baseline(bytes, Bytes(index).first(size), 200, 150, {50, 60, 70, 80}, 3, out));
  for (int i = 0; i < 3000; ++i) {
    auto changed = index;
    // The size of the file stays right, so that the rest is looked at.
    for (int n = 0; n < 3; ++n)
      changed[rng.uniform_int(5, static_cast<int64_t>(index.size()) - 1)] = std::byte(rng.next());
    EXPECT_TRUE(decode_baseline(bytes, changed, 200, 150, {50, 60, 70, 80}, 3, out));
    EXPECT_EQ(out.pixels.size(), 70U * 80 * 3);
  }
}

TEST(JpegIndex, IsEmptyWithoutAPlainScan) {
  EXPECT_TRUE(index_scan({}).empty());
  EXPECT_TRUE(index_scan(read_bytes("tests/golden/two_by_two.png")).empty());
  EXPECT_TRUE(index_scan(write_jpeg(make_picture(64, 64), {.progressive = true})).empty());
}

}  // namespace
}  // namespace lockstep::image

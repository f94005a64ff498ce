#include "jpeg_baseline.h"

#include <gtest/gtest.h>

#include "jpeg_header.h"
#include "libjpeg.h"
#include "lockstep/core/file.h"
#include "pictures.h"

// libjpeg's full decode is the judge: our decoder gives its pixels or says that it cannot.
namespace lockstep::image {
namespace {

using test::cut;
using test::JpegOptions;
using test::make_picture;
using test::write_jpeg;

/// The size as it is stored: not turned by EXIF.
std::pair<int, int> stored_size(Bytes bytes) {
  const Header header = probe(bytes, int64_t{1} << 28);
  return header.orientation >= 5 ? std::pair{header.height, header.width} : std::pair{header.width, header.height};
}

Image libjpeg_whole(Bytes bytes, int channels) {
  const auto [width, height] = stored_size(bytes);
  Image whole;
  decode_by_libjpeg(bytes, width, height, 1, {0, 0, width, height}, channels, whole);
  return whole;
}

bool ours(Bytes bytes, Bytes seek_points, const Region& region, int channels, Image& out) {
  const auto [width, height] = stored_size(bytes);
  return decode_baseline(bytes, seek_points, width, height, region, channels, out);
}

/// Random regions, with and without seek points. False where our decoder does not decode.
bool equals_libjpeg(Bytes bytes, int channels, int regions, const std::string& what) {
  const auto index = index_scan(bytes);
  const Image whole = libjpeg_whole(bytes, channels);
  Rng rng(3, RngUse::kTest, 0, bytes.size());
  Image out;
  for (int i = 0; i < regions; ++i) {
    const Region region =
        i == 0 ? Region{0, 0, whole.width, whole.height} : test::draw_region(whole.width, whole.height, rng);
    const Image wanted = cut(whole, region);
    for (Bytes points : {Bytes(), Bytes(index)}) {
      if (!ours(bytes, points, region, channels, out)) return false;
      if (out.pixels == wanted.pixels) continue;
      ADD_FAILURE() << what << " " << whole.width << "x" << whole.height << ", region " << region.width << "x"
                    << region.height << "+" << region.x << "+" << region.y << ", channels " << channels << ", "
                    << points.size() << " bytes of seek points";
      return true;
    }
  }
  return true;
}

/// In 3, 1 and 4 channels.
bool equals_libjpeg(Bytes bytes, int regions, const std::string& what) {
  return equals_libjpeg(bytes, 3, regions, what) && equals_libjpeg(bytes, 1, regions, what) &&
         equals_libjpeg(bytes, 4, regions, what);
}

constexpr std::array<std::pair<int, int>, 4> kSamplings{{{1, 1}, {2, 1}, {2, 2}, {1, 2}}};

TEST(JpegBaseline, EqualsLibjpegInEverySamplingAndSize) {
  for (auto [horizontal, vertical] : kSamplings)
    for (auto [width, height] :
         {std::pair{229, 187}, {64, 48}, {17, 90}, {33, 31}, {6, 5}, {5, 200}, {200, 1}, {48, 15}, {49, 17}})
      for (int orientation : {0, 6}) {
        const JpegOptions options{.horizontal = horizontal, .vertical = vertical, .orientation = orientation};
        EXPECT_TRUE(equals_libjpeg(write_jpeg(make_picture(width, height), options), 20,
                                   cat("sampling ", horizontal, "x", vertical)));
      }
}

TEST(JpegBaseline, EqualsLibjpegInEveryQuality) {
  for (auto [horizontal, vertical] : kSamplings)
    for (int quality : {1, 10, 25, 50, 75, 90, 96, 100}) {
      const JpegOptions options{.horizontal = horizontal, .vertical = vertical, .quality = quality};
      EXPECT_TRUE(equals_libjpeg(write_jpeg(make_picture(131, 97), options), 12, cat("quality ", quality)));
    }
}

TEST(JpegBaseline, EqualsLibjpegWithOptimisedCodesAndRestartMarkers) {
  for (auto [horizontal, vertical] : kSamplings)
    for (bool optimised : {false, true})
      for (int restart_mcus : {0, 1, 3, 8, 40}) {
        const JpegOptions options{.horizontal = horizontal,
                                  .vertical = vertical,
                                  .quality = 92,
                                  .optimised = optimised,
                                  .restart_mcus = restart_mcus};
        EXPECT_TRUE(
            equals_libjpeg(write_jpeg(make_picture(150, 121), options), 12, cat("restart after ", restart_mcus)));
      }
}

TEST(JpegBaseline, EqualsLibjpegInGrey) {
  for (auto [width, height] : {std::pair{229, 187}, {8, 8}, {1, 1}, {9, 70}})
    for (int sampling : {1, 2})
      EXPECT_TRUE(equals_libjpeg(
          write_jpeg(make_picture(width, height, 1),
                     {.space = JCS_GRAYSCALE, .horizontal = sampling, .vertical = sampling, .restart_rows = 2}),
          20, "grey"));
}

TEST(JpegBaseline, EqualsLibjpegOnEveryRealJpegSlow) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const char* folder : {"A_cats-dogs", "B1_dogs10-imagewoof320", "B2_caltech20", "B3_dogs24-64px",
                             "C1_miml-scenes", "C2_coco", "D1_cifar10-jpg", "E_imagenet-photos"}) {
    int jpegs = 0, decoded = 0;
    for (const auto& path : test::real_pictures(folder, 1'000'000)) {
      if (path.extension() != ".jpg" && path.extension() != ".JPEG") continue;
      const std::array<int, 3> channels{3, 1, 4};
      decoded += equals_libjpeg(read_bytes(path), channels[jpegs++ % 3], 4, path);
    }
    EXPECT_GT(jpegs, 50) << folder;
    EXPECT_GE(decoded, jpegs * 99 / 100) << folder;
  }
}

TEST(JpegBaseline, OddFilesEqualLibjpegOrAreLeftToIt) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  int decoded = 0;
  for (const auto& path : test::real_pictures("F_weird", 1000)) {
    const auto bytes = read_bytes(path);
    try {
      const auto [width, height] = stored_size(bytes);
      if (probe(bytes, int64_t{1} << 28).format != Format::kJpeg || int64_t{width} * height > 4'000'000) continue;
      decoded += equals_libjpeg(bytes, 6, path);
    } catch (const Error&) {  // libjpeg, or probe() before it
    }
  }
  EXPECT_GE(decoded, 60);
}

TEST(JpegBaseline, LeavesOtherKindsToLibjpeg) {
  const std::vector<std::pair<JpegOptions, int>> kinds{{{.horizontal = 4, .vertical = 1}, 3},
                                                       {{.progressive = true}, 3},
                                                       {{.arithmetic = true}, 3},
                                                       {{.space = JCS_RGB, .horizontal = 1, .vertical = 1}, 3},
                                                       {{.space = JCS_CMYK, .horizontal = 1, .vertical = 1}, 4},
                                                       {{.space = JCS_YCCK}, 4}};
  for (const auto& [options, channels] : kinds) {
    const auto bytes = write_jpeg(make_picture(64, 48, channels), options);
    Image out;
    EXPECT_FALSE(ours(bytes, {}, {0, 0, 64, 48}, 3, out));
    EXPECT_TRUE(index_scan(bytes).empty());
    EXPECT_TRUE(test::decode_all(bytes).pixels == libjpeg_whole(bytes, 3).pixels);
  }
  // Two samples of a colour are too few for libjpeg to upsample them smoothly.
  const auto narrow = write_jpeg(make_picture(4, 48));
  Image out;
  EXPECT_FALSE(ours(narrow, {}, {0, 0, 4, 48}, 3, out));
}

/// The offset of the entropy-coded data.
size_t scan_of(Bytes bytes) {
  JpegHeader header;
  EXPECT_TRUE(read_jpeg_header(bytes, header));
  return header.scan;
}

TEST(JpegBaseline, GivesUpOnDamagedDataButNotOnDamageBelowTheRegion) {
  const auto good = write_jpeg(make_picture(160, 160));
  auto cut_off = good;
  cut_off.resize(good.size() / 2);
  Image out;
  EXPECT_FALSE(ours(cut_off, {}, {0, 0, 160, 160}, 3, out));
  ASSERT_TRUE(ours(cut_off, {}, {10, 20, 100, 30}, 3, out));
  EXPECT_TRUE(out.pixels == cut(libjpeg_whole(good, 3), {10, 20, 100, 30}).pixels);
  EXPECT_TRUE(index_scan(cut_off).empty());
}

TEST(JpegBaseline, ChangedBytesGiveLibjpegsPixelsOrAreLeftToIt) {
  for (int restart_mcus : {0, 4}) {
    const auto good = write_jpeg(make_picture(96, 80), {.quality = 60, .restart_mcus = restart_mcus});
    const size_t scan = scan_of(good);
    Rng rng(11, RngUse::kTest);
    int decoded = 0;
    for (int i = 0; i < 600; ++i) {
      auto bytes = good;
      const size_t at = i % 3 == 0 ? static_cast<size_t>(rng.uniform_int(2, static_cast<int64_t>(scan)))
                                   : static_cast<size_t>(rng.uniform_int(scan, static_cast<int64_t>(good.size()) - 1));
      bytes[at] = std::byte(rng.next());
      try {
        decoded += equals_libjpeg(bytes, 2, cat("byte ", at));
      } catch (const Error&) {  // libjpeg, or probe() before it
      }
    }
    EXPECT_GT(decoded, 50);
  }
}

TEST(JpegBaseline, DecodesOnAfterDamageAsIfItHadNotBeen) {
  const auto good = write_jpeg(make_picture(160, 160));
  auto bad = good;
  bad.resize(good.size() / 2);
  Image before, after;
  ASSERT_TRUE(ours(good, {}, {0, 0, 160, 160}, 3, before));
  ASSERT_FALSE(ours(bad, {}, {0, 0, 160, 160}, 3, after));
  ASSERT_TRUE(ours(good, {}, {0, 0, 160, 160}, 3, after));
  EXPECT_TRUE(before.pixels == after.pixels);
}

TEST(JpegBaseline, DecodingNeedsTheScanOnlyUpToTheRegion) {
  auto bytes = write_jpeg(make_picture(160, 160));
  const Image whole = libjpeg_whole(bytes, 3);
  const auto index = index_scan(bytes);
  // What stands before the region in the scan is never looked at when seek points lead past it.
  for (size_t i = scan_of(bytes); i < scan_of(bytes) + 40; ++i) bytes[i] = std::byte{0x55};
  Image out;
  ASSERT_TRUE(ours(bytes, index, {70, 70, 60, 60}, 3, out));
  EXPECT_TRUE(out.pixels == cut(whole, {70, 70, 60, 60}).pixels);
}

}  // namespace
}  // namespace lockstep::image

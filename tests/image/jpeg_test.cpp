#include <thread>

#include <gtest/gtest.h>

#include "lockstep/core/file.h"
#include "pictures.h"
#include "support/expect_error.h"

namespace lockstep {
namespace {

using test::expect_equal_regions;
using test::JpegOptions;
using test::opencv_decode;

struct Kind {
  std::string name;
  JpegOptions options;
  int channels = 3;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all{{"4:4:4", {.horizontal = 1, .vertical = 1}},
                        {"4:2:2", {.horizontal = 2, .vertical = 1}},
                        {"4:4:0", {.horizontal = 1, .vertical = 2}},
                        {"4:2:0", {}},
                        {"4:1:1", {.horizontal = 4, .vertical = 1}},
                        {"4:1:0", {.horizontal = 4, .vertical = 2}},
                        {"1x4", {.horizontal = 1, .vertical = 4}},
                        {"restarts", {.restart_rows = 1}},
                        {"progressive 4:2:0", {.progressive = true}},
                        {"progressive 4:4:4", {.horizontal = 1, .vertical = 1, .progressive = true}},
                        {"arithmetic", {.arithmetic = true}},
                        {"RGB", {.space = JCS_RGB, .horizontal = 1, .vertical = 1}},
                        {"grey", {.space = JCS_GRAYSCALE}, 1},
                        {"CMYK", {.space = JCS_CMYK, .horizontal = 1, .vertical = 1}, 4},
                        {"YCCK 4:2:0", {.space = JCS_YCCK}, 4}};
  for (int orientation = 1; orientation <= 9; ++orientation)
    all.push_back({"orientation " + std::to_string(orientation), {.orientation = orientation}});
  return all;
}

TEST(Jpeg, EqualsOpenCvByteForByteInEveryKind) {
  for (const Kind& kind : kinds())
    for (int channels : {1, 3}) {
      const auto bytes = test::write_jpeg(test::make_picture(123, 77, kind.channels), kind.options);
      const image::Image ours = test::decode_all(bytes, channels), theirs = opencv_decode(bytes, channels);
      EXPECT_EQ(ours.width, theirs.width) << kind.name;
      EXPECT_TRUE(ours.pixels == theirs.pixels) << kind.name << ", channels " << channels;
    }
}

TEST(Jpeg, PartsEqualTheWholeByteForByteInEveryKind) {
  for (const Kind& kind : kinds())
    for (auto [width, height] : {std::pair{229, 187}, {64, 48}, {17, 90}, {1, 1}, {5, 200}}) {
      const auto bytes = test::write_jpeg(test::make_picture(width, height, kind.channels), kind.options);
      expect_equal_regions(bytes, 3, 40, kind.name);
      expect_equal_regions(bytes, 1, 10, kind.name);
      expect_equal_regions(bytes, 4, 10, kind.name);
    }
}

TEST(Jpeg, RealPicturesEqualOpenCvAndTheirPartsEqualThem) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const char* folder :
       {"A_cats-dogs", "B1_dogs10-imagewoof320", "B2_caltech20", "C2_coco", "D1_cifar10-jpg", "E_imagenet-photos"})
    for (const auto& path : test::real_pictures(folder, 12)) {
      const auto bytes = read_bytes(path);
      EXPECT_TRUE(test::decode_all(bytes).pixels == opencv_decode(bytes, 3).pixels) << path;
      expect_equal_regions(bytes, 3, 8, path);
    }
}

TEST(Jpeg, FillsAlphaWithOpaque) {
  const auto bytes = test::write_jpeg(test::make_picture(20, 10));
  const image::Image rgb = test::decode_all(bytes, 3), rgba = test::decode_all(bytes, 4);
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(rgba.pixels[4 * i + 3], 255);
    EXPECT_EQ(rgba.pixels[4 * i + 1], rgb.pixels[3 * i + 1]);
  }
}

TEST(Jpeg, DecodesWhatIsThereOfATruncatedScan) {
  auto bytes = test::write_jpeg(test::make_picture(200, 160));
  const image::Image complete = test::decode_all(bytes);
  bytes.resize(bytes.size() * 3 / 5);
  const image::Image part = test::decode_all(bytes);
  EXPECT_TRUE(std::equal(part.pixels.begin(), part.pixels.begin() + 200 * 3 * 40, complete.pixels.begin()));
  expect_equal_regions(bytes, 3, 40, "truncated");
}

TEST(Jpeg, UnfinishedProgressivePartsEqualTheWhole) {
  auto bytes = test::write_jpeg(test::make_picture(200, 160), {.progressive = true});
  bytes.resize(bytes.size() / 3);
  expect_equal_regions(bytes, 3, 60, "unfinished progressive");
}

TEST(Jpeg, ABrokenPictureIsADataErrorAndTheDecoderGoesOn) {
  const auto good = test::write_jpeg(test::make_picture(64, 64));
  auto bad = good;
  // The component count of the frame header, which no longer fits its length.
  for (size_t i = 0; i + 9 < bad.size(); ++i)
    if (bad[i] == std::byte{0xFF} && bad[i + 1] == std::byte{0xC0}) bad[i + 9] = std::byte{9};
  const image::Image before = test::decode_all(good);
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { test::decode_all(bad); }), "JPEG");
  EXPECT_EQ(test::decode_all(good).pixels, before.pixels);
}

TEST(Jpeg, AFrameOfAnotherSizeThanProbedIsADataError) {
  const auto bytes = test::write_jpeg(test::make_picture(64, 64));
  image::Header header = image::probe(bytes, 1 << 20);
  header.width = 32;
  image::Image out;
  test::expect_error(ErrorKind::kData, [&] { image::decode(bytes, {}, header, {0, 0, 32, 64}, 3, out); });
}

TEST(Jpeg, RefusesScansWithoutEnd) {
  auto bytes = test::write_jpeg(test::make_picture(16, 16), {.progressive = true});
  size_t scan = 0;
  for (size_t i = 0; i + 1 < bytes.size(); ++i)
    if (bytes[i] == std::byte{0xFF} && bytes[i + 1] == std::byte{0xDA}) scan = i;
  const std::vector<std::byte> last(bytes.begin() + scan, bytes.end() - 2);
  bytes.resize(scan);
  for (int i = 0; i < 2000; ++i) bytes.insert(bytes.end(), last.begin(), last.end());
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { test::decode_all(bytes); }), "scans");
}

TEST(Jpeg, ThreadsDecodeAtOnce) {
  const auto bytes = test::write_jpeg(test::make_picture(150, 120), {.orientation = 6});
  const image::Image whole = test::decode_all(bytes);
  std::vector<std::jthread> threads;
  std::array<bool, 4> equal{};
  for (bool& same : equal)
    threads.emplace_back([&] {
      same = true;
      for (int i = 0; i < 50; ++i)
        same = same && test::decode_part(bytes, {i, i, 50, 60}).pixels == test::cut(whole, {i, i, 50, 60}).pixels;
    });
  threads.clear();
  for (bool same : equal) EXPECT_TRUE(same);
}

}  // namespace
}  // namespace lockstep

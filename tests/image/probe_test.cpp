#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include "lockstep/core/file.h"
#include "pictures.h"
#include "support/expect_error.h"

namespace lockstep {
namespace {

using namespace std::string_literals;

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
image::Header probe_text(const std::string& text) { return image::probe(as_bytes(text), 1 << 20); }

void expect_header(const image::Header& header, image::Format format, int width, int height) {
  EXPECT_EQ(static_cast<int>(header.format), static_cast<int>(format));
  EXPECT_EQ(header.width, width);
  EXPECT_EQ(header.height, height);
}

std::string written_by_opencv(const std::string& extension, int width, int height) {
  std::vector<uint8_t> bytes;
  cv::imencode(extension, cv::Mat(height, width, CV_8UC3, cv::Scalar(10, 90, 200)), bytes);
  return {bytes.begin(), bytes.end()};
}

TEST(Probe, ReadsEveryFormat) {
  expect_header(probe_text(written_by_opencv(".jpg", 31, 17)), image::Format::kJpeg, 31, 17);
  expect_header(probe_text(written_by_opencv(".png", 31, 17)), image::Format::kPng, 31, 17);
  expect_header(probe_text(written_by_opencv(".webp", 31, 17)), image::Format::kWebp, 31, 17);
  expect_header(probe_text(written_by_opencv(".bmp", 31, 17)), image::Format::kBmp, 31, 17);
  expect_header(probe_text(written_by_opencv(".tiff", 31, 17)), image::Format::kTiff, 31, 17);
  expect_header(probe_text("GIF89a\x1F\x00\x11\x00"s), image::Format::kGif, 31, 17);
}

TEST(Probe, ReadsTheThreeKindsOfWebp) {
  const std::string riff = "RIFF\x40\x00\x00\x00WEBP"s;
  expect_header(probe_text(riff + "VP8 \x20\x00\x00\x00\x00\x00\x00\x9D\x01\x2A\x1F\x40\x11\x00"s),
                image::Format::kWebp, 31, 17);
  expect_header(probe_text(riff + "VP8L\x20\x00\x00\x00\x2F\x1E\x00\x04\x00"s), image::Format::kWebp, 31, 17);
  expect_header(probe_text(riff + "VP8X\x0A\x00\x00\x00\x00\x00\x00\x00\x1E\x00\x00\x10\x00\x00"s),
                image::Format::kWebp, 31, 17);
}

TEST(Probe, ReadsBothKindsOfBmpAndRowsFromTheTop) {
  const std::string file = "BM"s + std::string(12, '\0');
  expect_header(probe_text(file + "\x0C\x00\x00\x00\x1F\x00\x11\x00"s), image::Format::kBmp, 31, 17);
  expect_header(probe_text(file + "\x28\x00\x00\x00\x1F\x00\x00\x00\xEF\xFF\xFF\xFF"s), image::Format::kBmp, 31, 17);
}

TEST(Probe, ReadsTiffOfBothByteOrders) {
  expect_header(probe_text("II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x1F\0\0\0\x01\x01\x04\0\x01\0\0\0\x11\0\0\0"s),
                image::Format::kTiff, 31, 17);
  expect_header(probe_text("MM\0*\0\0\0\x08\0\x02\x01\0\0\x03\0\0\0\x01\0\x1F\0\0\x01\x01\0\x04\0\0\0\x01\0\0\0\x11"s),
                image::Format::kTiff, 31, 17);
}

TEST(Probe, GivesTheSizeAsShownAfterTheExifTurn) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto header = image::probe(test::write_jpeg(test::make_picture(31, 17), {.orientation = orientation}), 1000);
    EXPECT_EQ(header.orientation, orientation);
    EXPECT_EQ(header.width, orientation >= 5 ? 17 : 31);
    EXPECT_EQ(header.height, orientation >= 5 ? 31 : 17);
  }
}

TEST(Probe, TakesAnInvalidOrientationForNone) {
  EXPECT_EQ(image::probe(test::write_jpeg(test::make_picture(31, 17), {.orientation = 99}), 1000).orientation, 1);
}

TEST(Probe, StepsOverJunkBetweenJpegSegmentsAsLibjpegDoes) {
  auto bytes = test::write_jpeg(test::make_picture(31, 17));
  const std::vector<std::byte> junk{std::byte{1}, std::byte{0xFF}, std::byte{0}, std::byte{7}};
  bytes.insert(bytes.begin() + 2, junk.begin(), junk.end());
  expect_header(image::probe(bytes, 1000), image::Format::kJpeg, 31, 17);
}

TEST(Probe, SaysWhatIsNotAPicture) {
  test::expect_contains(test::expect_error(ErrorKind::kData, [] { probe_text(""); }), "empty");
  test::expect_contains(test::expect_error(ErrorKind::kData, [] { probe_text("<html></html>"); }), "not a picture");
}

TEST(Probe, EveryCutOffHeaderIsADataErrorOrAHeader) {
  for (const char* extension : {".jpg", ".png", ".webp", ".bmp", ".tiff"}) {
    const std::string whole = written_by_opencv(extension, 31, 17);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<char> part(whole.begin(),
                                   whole.begin() + size);  // so that the address sanitizer sees a step too far
      try {
        const auto header = image::probe(std::as_bytes(std::span(part)), 1000);
        EXPECT_EQ(header.width, 31) << extension << " " << size;
      } catch (const Error& error) {
        EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::kData));
      }
    }
  }
}

TEST(Probe, RefusesMorePixelsThanTheLimit) {
  const auto bytes = test::write_jpeg(test::make_picture(40, 25));
  EXPECT_EQ(image::probe(bytes, 1000).width, 40);
  const std::string message = test::expect_error(ErrorKind::kData, [&] { image::probe(bytes, 999); });
  test::expect_contains(message, "40x25");
  test::expect_contains(message, "999");
}

TEST(Probe, RefusesSizesWhoseProductOverflows) {
  const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s;
  test::expect_error(ErrorKind::kData, [&] { image::probe(as_bytes(png), int64_t{1} << 62); });
}

}  // namespace
}  // namespace lockstep

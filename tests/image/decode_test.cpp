#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "opencv.h"
#include "pictures.h"
#include "support/expect_error.h"

namespace lockstep::image {
namespace {

/// A matrix in OpenCV's channel order as a file of this kind.
std::vector<std::byte> written(const cv::Mat& picture, const std::string& extension) {
  std::vector<uint8_t> bytes;
  cv::imencode(extension, picture, bytes);
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

cv::Mat bgr_of(const Image& rgb) {
  cv::Mat bgr;
  cv::cvtColor(view(rgb), bgr, cv::COLOR_RGB2BGR);
  return bgr;
}

TEST(Decode, LosslessFormatsGiveBackTheirPixelsInRgb) {
  const Image picture = test::make_picture(57, 43);
  for (const char* extension : {".png", ".bmp", ".tiff"}) {
    const auto bytes = written(bgr_of(picture), extension);
    EXPECT_EQ(test::decode_all(bytes).pixels, picture.pixels) << extension;
    EXPECT_EQ(test::decode_part(bytes, {5, 7, 20, 11}).pixels, test::cut(picture, {5, 7, 20, 11}).pixels) << extension;
  }
}

TEST(Decode, DecodesWebp) {
  const Image picture = test::make_picture(57, 43);
  std::vector<uint8_t> bytes;
  cv::imencode(".webp", bgr_of(picture), bytes, {cv::IMWRITE_WEBP_QUALITY, 101});  // above 100: lossless
  EXPECT_EQ(test::decode_all(std::as_bytes(std::span(bytes))).pixels, picture.pixels);
}

TEST(Decode, GreyBecomesRgbAndAlphaIsDropped) {
  const auto grey = written(cv::Mat(4, 5, CV_8UC1, cv::Scalar(77)), ".png");
  EXPECT_EQ(test::decode_all(grey).pixels, std::vector<uint8_t>(60, 77));
  const auto clear = written(cv::Mat(1, 1, CV_8UC4, cv::Scalar(30, 20, 10, 0)), ".png");
  EXPECT_EQ(test::decode_all(clear).pixels, (std::vector<uint8_t>{10, 20, 30}));
}

TEST(Decode, SixteenBitsKeepTheirUpperEight) {
  const auto colour = written(cv::Mat(1, 1, CV_16UC3, cv::Scalar(0x12FF, 0x3480, 0x5600)), ".png");
  EXPECT_EQ(test::decode_all(colour, 3).pixels, (std::vector<uint8_t>{0x56, 0x34, 0x12}));
  EXPECT_EQ(test::decode_all(colour, 4).pixels, (std::vector<uint8_t>{0x56, 0x34, 0x12, 255}));
  const auto grey = written(cv::Mat(1, 1, CV_16UC1, cv::Scalar(0xABFF)), ".png");
  EXPECT_EQ(test::decode_all(grey, 3).pixels, (std::vector<uint8_t>{0xAB, 0xAB, 0xAB}));
  EXPECT_EQ(test::decode_all(grey, 4).pixels, (std::vector<uint8_t>{0xAB, 0xAB, 0xAB, 255}));
}

TEST(Decode, FourChannelsKeepAlphaAndAreOpaqueWithout) {
  const auto clear = written(cv::Mat(1, 1, CV_8UC4, cv::Scalar(30, 20, 10, 99)), ".png");
  EXPECT_EQ(test::decode_all(clear, 4).pixels, (std::vector<uint8_t>{10, 20, 30, 99}));
  const auto opaque = written(cv::Mat(1, 1, CV_8UC3, cv::Scalar(30, 20, 10)), ".png");
  EXPECT_EQ(test::decode_all(opaque, 4).pixels, (std::vector<uint8_t>{10, 20, 30, 255}));
}

TEST(Decode, OneChannelIsOpenCvsGrey) {
  const auto bytes = written(bgr_of(test::make_picture(57, 43)), ".png");
  const cv::Mat grey = cv::imdecode(
      cv::Mat(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<std::byte*>(bytes.data())), cv::IMREAD_GRAYSCALE);
  EXPECT_EQ(test::decode_all(bytes, 1).pixels, std::vector<uint8_t>(grey.data, grey.data + grey.total()));
}

TEST(Decode, TurnsAJpegByItsExifOrientation) {
  // Smooth, so that each stored corner keeps its own grey: 10 top left, 90 top right, 170 bottom left, 250 bottom
  // right.
  Image picture;
  picture.resize(32, 16, 1);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 32; ++x)
      picture.pixels[32 * y + x] = static_cast<uint8_t>(10 + (x >= 16 ? 80 : 0) + (y >= 8 ? 160 : 0));
  const std::array<std::array<int, 4>, 8> corners{{{10, 90, 170, 250},
                                                   {90, 10, 250, 170},
                                                   {250, 170, 90, 10},
                                                   {170, 250, 10, 90},
                                                   {10, 170, 90, 250},
                                                   {170, 10, 250, 90},
                                                   {250, 90, 170, 10},
                                                   {90, 250, 10, 170}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image shown =
        test::decode_all(test::write_jpeg(picture, {.space = JCS_GRAYSCALE, .orientation = orientation}), 1);
    ASSERT_EQ(shown.width, orientation >= 5 ? 16 : 32);
    const size_t last_row = size_t{1} * (shown.height - 1) * shown.width;
    const auto& want = corners[orientation - 1];
    EXPECT_NEAR(shown.pixels[0], want[0], 2) << orientation;
    EXPECT_NEAR(shown.pixels[shown.width - 1], want[1], 2) << orientation;
    EXPECT_NEAR(shown.pixels[last_row], want[2], 2) << orientation;
    EXPECT_NEAR(shown.pixels[last_row + shown.width - 1], want[3], 2) << orientation;
  }
}

TEST(Decode, ABrokenPictureIsADataError) {
  auto bytes = written(bgr_of(test::make_picture(57, 43)), ".png");
  for (size_t i = 40; i < bytes.size(); ++i) bytes[i] = std::byte{0x55};
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { test::decode_all(bytes); }), "PNG");
}

TEST(Decode, ARegionOutsideThePictureIsABug) {
  const auto bytes = written(bgr_of(test::make_picture(20, 10)), ".png");
  test::expect_error(ErrorKind::kBug, [&] { test::decode_part(bytes, {15, 0, 6, 5}); });
  test::expect_error(ErrorKind::kBug, [&] { test::decode_part(bytes, {-1, 0, 6, 5}); });
}

/// The whole picture at 1/shrink of its size.
Image decode_small(Bytes bytes, int shrink, int channels = 3) {
  const Header header = probe(bytes, 1 << 20), small = shrunk(header, shrink);
  Image out;
  decode_shrunk(bytes, {}, header, shrink, {0, 0, small.width, small.height}, channels, out);
  return out;
}

TEST(DecodeShrunk, TakesTheLargestShrinkThatLeavesTheRegionLargeEnough) {
  const Header jpeg{Format::kJpeg, 2000, 1500};
  EXPECT_EQ(shrink_for(jpeg, {0, 0, 1999, 1500}, 224, 224), 4);
  EXPECT_EQ(shrink_for(jpeg, {0, 0, 2000, 1500}, 100, 100), 8);
  EXPECT_EQ(shrink_for(jpeg, {0, 0, 448, 448}, 224, 224), 2);
  EXPECT_EQ(shrink_for(jpeg, {0, 0, 448, 447}, 224, 224), 1);
  EXPECT_EQ(shrink_for({Format::kPng, 2000, 1500}, {0, 0, 2000, 1500}, 100, 100), 1);
}

TEST(DecodeShrunk, PixelsAreMeansOfThePictures) {
  for (int sampling : {1, 2})
    for (int shrink : {2, 4, 8}) {
      const auto bytes = test::write_jpeg(test::make_picture(203, 97), {.horizontal = sampling, .vertical = sampling});
      const Image whole = test::decode_all(bytes), small = decode_small(bytes, shrink);
      EXPECT_EQ(small.width, (203 + shrink - 1) / shrink);
      EXPECT_EQ(small.height, (97 + shrink - 1) / shrink);
      double difference = 0;
      for (int y = 0; y < 97 / shrink; ++y)
        for (int x = 0; x < 203 / shrink; ++x) {
          int sum = 0;
          for (int i = 0; i < shrink * shrink; ++i)
            sum += whole.pixels[3 * ((shrink * y + i / shrink) * 203 + shrink * x + i % shrink)];
          difference += std::abs(small.pixels[3 * (y * small.width + x)] - sum / double(shrink * shrink));
        }
      EXPECT_LT(difference / (97 / shrink * (203 / shrink)), 5) << sampling << " " << shrink;
    }
}

TEST(DecodeShrunk, PartsEqualTheWholeAndAreTurned) {
  for (int sampling : {1, 2})
    for (int orientation : {1, 6})
      for (int shrink : {1, 2, 4, 8}) {
        const auto bytes = test::write_jpeg(test::make_picture(203, 97),
                                            {.horizontal = sampling, .vertical = sampling, .orientation = orientation});
        const Header header = probe(bytes, 1 << 20);
        const Image whole = decode_small(bytes, shrink);
        EXPECT_EQ(whole.width, ((orientation == 6 ? 97 : 203) + shrink - 1) / shrink);
        Rng rng(1, RngUse::kTest);
        for (int i = 0; i < 20; ++i) {
          const Region region = test::draw_region(whole.width, whole.height, rng);
          Image part;
          decode_shrunk(bytes, {}, header, shrink, region, 3, part);
          EXPECT_TRUE(part.pixels == test::cut(whole, region).pixels) << sampling << orientation << shrink;
        }
      }
}

TEST(DecodeShrunk, OnlyAJpegByAPowerOfTwo) {
  const auto png = written(bgr_of(test::make_picture(20, 10)), ".png");
  test::expect_error(ErrorKind::kBug, [&] { decode_small(png, 2); });
  EXPECT_EQ(decode_small(png, 1).width, 20);
  test::expect_error(ErrorKind::kBug, [&] { decode_small(test::write_jpeg(test::make_picture(20, 10)), 3); });
}

TEST(Encode, WritesWhatOpenCvWrites) {
  const Image picture = test::make_picture(57, 43);
  std::vector<std::byte> ours;
  encode(picture, Format::kPng, 3, ours);
  EXPECT_EQ(test::decode_all(ours).pixels, picture.pixels);
  std::vector<uint8_t> theirs;
  cv::imencode(".jpg", bgr_of(picture), theirs, {cv::IMWRITE_JPEG_QUALITY, 80});
  encode(picture, Format::kJpeg, 80, ours);
  EXPECT_TRUE(std::ranges::equal(ours, std::as_bytes(std::span(theirs))));
}

TEST(Encode, KeepsGreyAndAlpha) {
  for (int channels : {1, 4}) {
    const Image picture = test::make_picture(9, 8, channels);
    std::vector<std::byte> bytes;
    encode(picture, Format::kPng, 1, bytes);
    EXPECT_EQ(test::decode_all(bytes, channels).pixels, picture.pixels);
  }
}

TEST(Encode, WritesOnlyJpegAndPng) {
  std::vector<std::byte> bytes;
  test::expect_error(ErrorKind::kBug, [&] { encode(test::make_picture(4, 4), Format::kWebp, 80, bytes); });
}

}  // namespace
}  // namespace lockstep::image

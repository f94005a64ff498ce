#include "gif.h"

#include <gtest/gtest.h>

#include "lockstep/core/file.h"
#include "pictures.h"
#include "support/expect_error.h"

namespace lockstep::image {
namespace {

using namespace std::string_literals;

/// Colours 0..3 as a LZW stream whose codes never grow: the table is cleared before every second colour.
std::string plain_codes(const std::string& colours) {
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  const auto put = [&](uint32_t code) {
    bits |= code << held;
    for (held += 3; held >= 8; held -= 8, bits >>= 8) bytes += static_cast<char>(bits & 0xFF);
  };
  for (char colour : colours) {
    put(4);
    put(static_cast<uint32_t>(colour - '0'));
  }
  put(5);
  bytes += static_cast<char>(bits);
  return "\x02"s + static_cast<char>(bytes.size()) + bytes + '\0';
}

const std::string kPalette = "\x0A\x0A\x0A\x64\0\0\0\x64\0\0\0\x64"s;  // 0 grey, 1 red, 2 green, 3 blue

std::string canvas(int width, int height) {
  return "GIF89a"s + static_cast<char>(width) + '\0' + static_cast<char>(height) + '\0' + "\x81\0\0"s + kPalette;
}
std::string frame(int x, int y, int width, int height, char flags = '\0') {
  std::string text = "\x2C"s;
  for (int value : {x, y, width, height}) text += std::string{static_cast<char>(value), '\0'};
  return text + flags;
}

Image decoded(const std::string& gif, int channels = 4) {
  return test::decode_all(std::as_bytes(std::span(gif)), channels);
}

/// A letter for each pixel's colour; a dot is grey or nothing.
std::string letters(const Image& rgba) {
  std::string text;
  for (size_t i = 0; i < rgba.pixels.size(); i += 4)
    text += rgba.pixels[i] == 0x64 ? 'r' : rgba.pixels[i + 1] == 0x64 ? 'g' : rgba.pixels[i + 2] == 0x64 ? 'b' : '.';
  return text;
}

TEST(Gif, DecodesTheFirstFrameOfAnAnimation) {
  const std::string gif = canvas(3, 2) + "\x21\xFE\x03hey\0"s + frame(0, 0, 3, 2) + plain_codes("123012") +
                          frame(0, 0, 3, 2) + plain_codes("000000") + ";";
  EXPECT_EQ(letters(decoded(gif)), "rgb.rg");
  EXPECT_EQ(decoded(gif, 3).pixels.size(), 18);
  EXPECT_EQ(decoded(gif, 1).pixels[3], 10);
}

TEST(Gif, TransparentAndUncoveredPixelsHaveAlphaZero) {
  const std::string gif = canvas(3, 1) + "\x21\xF9\x04\x01\0\0\x02\0"s + frame(0, 0, 2, 1) + plain_codes("12") + ";";
  const Image picture = decoded(gif);
  EXPECT_EQ(letters(picture), "rg.");
  EXPECT_EQ(picture.pixels[3], 255);
  EXPECT_EQ(picture.pixels[7], 0);
  EXPECT_EQ(picture.pixels[11], 0);
}

TEST(Gif, PutsInterlacedRowsInPlace) {
  // Stored: rows 0 and 8, then 4, then 2 and 6, then the odd ones.
  EXPECT_EQ(letters(decoded(canvas(1, 9) + frame(0, 0, 1, 9, '\x40') + plain_codes("112233000") + ";")), "rbg.g.b.r");
}

TEST(Gif, WhatIsBrokenIsADataError) {
  const std::string gif = canvas(3, 2) + frame(0, 0, 3, 2) + plain_codes("123012");
  for (size_t size = 13; size < gif.size() - 2; ++size)
    test::expect_error(ErrorKind::kData, [&] { decoded(gif.substr(0, size)); });
  test::expect_contains(
      test::expect_error(ErrorKind::kData, [&] { decoded(canvas(3, 2) + frame(1, 0, 3, 2) + plain_codes("123012")); }),
      "canvas");
}

TEST(Gif, RealPicturesLookLikeTheirOriginals) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path folder = test::data_folder() / "F_weird/valid";
  for (auto [gif, original] : {std::pair{"hopper.gif", "hopper.bmp"},
                               {"made-still.gif", "made-base.jpg"},
                               {"made-gif-named.jpg", "made-base.jpg"}}) {
    const Image ours = test::decode_all(read_bytes(folder / gif)),
                theirs = test::decode_all(read_bytes(folder / original));
    ASSERT_EQ(ours.pixels.size(), theirs.pixels.size());
    double sum = 0;
    for (size_t i = 0; i < ours.pixels.size(); ++i) sum += std::abs(ours.pixels[i] - theirs.pixels[i]);
    EXPECT_LT(sum / static_cast<double>(ours.pixels.size()), 16) << gif;
  }
}

}  // namespace
}  // namespace lockstep::image

#include "jpeg_header.h"

#include <gtest/gtest.h>

#include "jpeg_huffman.h"
#include "pictures.h"

namespace lockstep::image {
namespace {

using test::make_picture;
using test::write_jpeg;

bool is_plain(Bytes bytes) {
  JpegHeader header;
  return read_jpeg_header(bytes, header);
}

TEST(JpegHeader, ReadsWhatTheScanNeeds) {
  const auto bytes = write_jpeg(make_picture(101, 50), {.quality = 50, .restart_mcus = 9});
  JpegHeader header;
  ASSERT_TRUE(read_jpeg_header(bytes, header));
  EXPECT_EQ(header.width, 101);
  EXPECT_EQ(header.height, 50);
  EXPECT_EQ(header.component_count, 3);
  EXPECT_EQ(header.mcus_across(), 7);
  EXPECT_EQ(header.mcus_down(), 4);
  EXPECT_EQ(header.restart_interval, 9);
  EXPECT_EQ(header.components[0].across, 2);
  EXPECT_EQ(header.components[1].width, 51);
  EXPECT_EQ(header.components[1].height, 25);
  // The table of ITU T.81, K.1 itself at quality 50: 16 11 10 16, and 12 at the beginning of row 1.
  const auto& luma = header.quantizers[header.components[0].quantizer];
  EXPECT_EQ(luma[0], 16);
  EXPECT_EQ(luma[1], 11);
  EXPECT_EQ(luma[3], 16);
  EXPECT_EQ(luma[8], 12);
  EXPECT_EQ(header.ac_codes[0].counts[1], 2);  // EOB is 1010, but 0/1 and 0/2 have two bits
  EXPECT_EQ(bytes[header.scan - 1], std::byte{0});
}

TEST(JpegHeader, ZigzagGoesUpFirst) {
  const std::array<uint8_t, 10> first{0, 1, 8, 16, 9, 2, 3, 10, 17, 24};
  EXPECT_TRUE(std::equal(first.begin(), first.end(), kZigzag.begin()));
  EXPECT_EQ(kZigzag[63], 63);
}

TEST(JpegHeader, AFileCutOffAnywhereBeforeItsScanIsNotPlain) {
  const auto bytes = write_jpeg(make_picture(40, 30), {.orientation = 1});
  JpegHeader header;
  ASSERT_TRUE(read_jpeg_header(bytes, header));
  for (size_t size = 0; size < header.scan; ++size) EXPECT_FALSE(is_plain(Bytes(bytes).first(size))) << size;
}

/// The file with one byte of its segment `marker` replaced.
std::vector<std::byte> with_byte(std::vector<std::byte> bytes, uint8_t marker, size_t offset, uint8_t value) {
  for (size_t i = 0; i + 1 < bytes.size(); ++i)
    if (bytes[i] == std::byte{0xFF} && bytes[i + 1] == std::byte{marker}) {
      bytes[i + 4 + offset] = std::byte{value};
      break;
    }
  return bytes;
}

TEST(JpegHeader, RefusesWhatIsNotPlain) {
  const auto good = write_jpeg(make_picture(40, 30));
  ASSERT_TRUE(is_plain(good));
  EXPECT_FALSE(is_plain(with_byte(good, 0xC0, 0, 12))) << "12 bits";
  EXPECT_FALSE(is_plain(with_byte(good, 0xC0, 7, 0x41))) << "4:1:1";
  EXPECT_FALSE(is_plain(with_byte(good, 0xC0, 11, 3))) << "a quantizer that is not there";
  EXPECT_FALSE(is_plain(with_byte(good, 0xC0, 11, 200))) << "no such quantizer";
  EXPECT_FALSE(is_plain(with_byte(good, 0xDA, 2, 0x30))) << "a Huffman code that is not there";
  EXPECT_FALSE(is_plain(with_byte(good, 0xDA, 1, 9))) << "a component that is not there";
  EXPECT_FALSE(is_plain(with_byte(good, 0xDA, 3, 1))) << "a component twice";
  EXPECT_FALSE(is_plain(with_byte(good, 0xDA, 8, 5))) << "part of the coefficients";
}

HuffmanCode code_of(std::initializer_list<int> counts) {
  HuffmanCode code{.present = true};
  std::copy(counts.begin(), counts.end(), code.counts.begin());
  for (size_t i = 0; i < 20; ++i) code.symbols[i] = static_cast<uint8_t>(i);
  return code;
}

TEST(JpegHuffman, RefusesImpossibleCodes) {
  const auto table = std::make_unique<HuffmanTable>();
  EXPECT_TRUE(table->prepare(code_of({1, 1, 1}), true));
  EXPECT_FALSE(table->prepare(code_of({3}), true)) << "three codes of one bit";
  EXPECT_FALSE(table->prepare(code_of({1, 2}), true)) << "a code of all ones";
  EXPECT_TRUE(table->prepare(code_of({0, 0, 0, 0, 17}), false));
  const auto dc_table = std::make_unique<HuffmanTable>();
  EXPECT_FALSE(dc_table->prepare(code_of({0, 0, 0, 0, 17}), true)) << "a DC number of 16 bits";
  EXPECT_FALSE(dc_table->prepare(code_of({0, 0, 0, 0, 17}), true)) << "the same code once more";
}

TEST(JpegHuffman, ALookGivesSymbolAndNumber) {
  const auto table = std::make_unique<HuffmanTable>();
  HuffmanCode code = code_of({1, 1, 1});
  code.symbols = {0x00, 0x12, 0x0A};  // end of the block; one zero and two bits; ten bits
  ASSERT_TRUE(table->prepare(code, false));
  const auto look = [&](uint32_t bits, int count) { return table->look[bits << (kLookupBits - count)]; };
  EXPECT_EQ(look(0b0, 1), 1 | kBlockEnd << 8);
  EXPECT_EQ(look(0b1011, 4), 4 | 2U << 8 | 3U << 16);
  EXPECT_EQ(look(0b1000, 4), 4 | 2U << 8 | 0xFFFDU << 16) << "-3";
  EXPECT_EQ(look(0b110, 3), 3 | kLongEntry | 1U << 8 | 10U << 16);
  EXPECT_EQ(look(0b111, 3) & 0xFF, kLongEntry) << "no code";
  // Passing over takes all at once: two numbers and the end of the block.
  const SkipEntry skip = table->skip[0b10111000'0 << (kLookupBits - 9)];
  EXPECT_EQ(skip, 9 | (2 + 2 + kBlockEnd) << 8);
}

}  // namespace
}  // namespace lockstep::image

#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "lockstep/core/file.h"
#include "pictures.h"

// Odd, broken and hostile files: MANIFEST.csv names them and says what other decoders make of them.
namespace lockstep {
namespace {

constexpr int64_t kMaxPixels = 40'000'000;

/// The files of the manifest below one of its folders.
std::vector<Path> weird_files(const std::string& folder) {
  const Path root = test::data_folder() / "F_weird";
  std::vector<Path> files;
  std::ifstream manifest(root / "MANIFEST.csv");
  for (std::string line; std::getline(manifest, line);) {
    // A name with a comma stands in quotes.
    const std::string name =
        line.starts_with('"') ? line.substr(1, line.find('"', 1) - 1) : line.substr(0, line.find(','));
    if (name.starts_with(folder + "/")) files.push_back(root / name);
  }
  EXPECT_FALSE(files.empty()) << folder;
  return files;
}

/// What is wrong with the file, or nothing when it decodes in 1, 3 and 4 channels. Anything but a data Error fails the
/// test.
std::string complaint(const Path& path) {
  const auto bytes = read_bytes(path);
  try {
    const image::Header header = image::probe(bytes, kMaxPixels);
    for (int channels : {1, 4, 3}) {
      image::Image picture;
      image::decode(bytes, {}, header, {0, 0, header.width, header.height}, channels, picture);
      EXPECT_EQ(picture.pixels.size(), size_t{1} * header.width * header.height * channels) << path;
    }
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::kData)) << path << ": " << error.what();
    return error.what();
  }
}

// Kinds that neither libjpeg nor OpenCV reads: PNG with a wrong checksum or without its last chunk, BMP with a run that
// leaves its row.
const std::set<std::string> kUnreadable{"made-bad-crc-idat.png", "truncated_end_chunk.png",
                                        "hopper_rle8_row_overflow.bmp"};

TEST(Weird, EveryValidPictureDecodes) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const Path& path : weird_files("valid")) {
    const std::string wrong = complaint(path);
    EXPECT_EQ(!wrong.empty(), kUnreadable.contains(path.filename())) << path << ": " << wrong;
  }
}

TEST(Weird, EveryValidPictureEqualsOpenCvs) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const Path& path : weird_files("valid")) {
    const auto bytes = read_bytes(path);
    if (kUnreadable.contains(path.filename())) continue;
    const image::Header header = image::probe(bytes, kMaxPixels);
    if (header.format == image::Format::kGif) continue;  // which OpenCV does not read
    if (path.filename() == "exif_imagemagick_orientation.png")
      continue;  // turned by newer OpenCV alone, not by MXNet's
    for (int channels : {1, 3}) {
      const image::Image theirs = test::opencv_decode(bytes, channels);
      EXPECT_EQ(theirs.width, header.width) << path;
      EXPECT_TRUE(test::decode_all(bytes, channels).pixels == theirs.pixels) << path << ", channels " << channels;
    }
  }
}

TEST(Weird, BrokenPicturesDecodeOrAreDataErrors) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  int decoded = 0;
  for (const char* folder : {"warn", "corrupt"})
    for (const Path& path : weird_files(folder)) decoded += complaint(path).empty();
  EXPECT_GE(decoded, 18) << "what libjpeg merely warns about must decode";
}

TEST(Weird, PartsOfOddAndBrokenJpegsEqualTheirWhole) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const char* folder : {"valid", "warn", "corrupt"})
    for (const Path& path : weird_files(folder)) {
      const auto bytes = read_bytes(path);
      if (bytes.size() < 2 || bytes[0] != std::byte{0xFF} || bytes.size() > 400'000 || !complaint(path).empty())
        continue;
      test::expect_equal_regions(bytes, 3, 8, path);
    }
}

long peak_memory_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Weird, BombsAreRefusedBeforeTheirPixelsAreAllocated) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  for (const Path& path : weird_files("bomb")) {
    if (path.filename() == "wide-65500x64-gray.jpg") continue;  // long, but only 4 million pixels
    const long before = peak_memory_kib();
    EXPECT_NE(complaint(path), "") << path;
    EXPECT_LT(peak_memory_kib() - before, 32 * 1024) << path;
  }
}

}  // namespace
}  // namespace lockstep

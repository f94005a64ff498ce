#include "resize_antialias.h"

#include <array>
#include <fstream>

#include <gtest/gtest.h>

#include "lockstep/core/text.h"
#include "pictures.h"
#include "support/temp_folder.h"

namespace lockstep::image {
namespace {

Image resized(const Image& picture, Size target) {
  Image out;
  resize_whole(picture, target, Interpolation::kAntialias, out);
  return out;
}

/// A python that has Pillow, or empty.
std::string pillow_python() {
  for (const std::string& python : {test::mxnet_python(), test::torch_python(), std::string("python3")})
    if (!python.empty() && test::run_command(python + " -c 'import PIL.Image'").status == 0) return python;
  return "";
}

Image slopes(int width, int height) {
  Image picture;
  picture.resize(width, height, 3);
  for (int y = 0, i = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) picture.pixels[i++] = static_cast<uint8_t>(x * 37 + y * 59 + c * 83);
  return picture;
}

// Pillow 13.0.0: Image.frombytes("RGB", (7, 5), slopes).resize(size, Image.BILINEAR).tobytes(), the second in two steps
TEST(Antialias, GivesPillowsPixels) {
  EXPECT_EQ(resized(slopes(7, 5), {3, 2}).pixels, (std::vector<uint8_t>{91, 150, 120, 145, 151, 103, 142, 93, 150, 157,
                                                                        93, 123, 115, 127, 134, 118, 165, 113}));
  EXPECT_EQ(resized(slopes(7, 5), {9, 3}).pixels,
            (std::vector<uint8_t>{25,  108, 191, 50,  133, 143, 78,  161, 135, 107, 190, 131, 136, 219, 46,  165, 163,
                                  75,  194, 86,  104, 186, 49,  132, 138, 74,  157, 118, 144, 85,  143, 169, 72,  171,
                                  134, 81,  187, 84,  110, 172, 113, 139, 91,  98,  168, 88,  114, 165, 97,  142, 168,
                                  84,  167, 193, 211, 38,  121, 138, 63,  146, 117, 91,  174, 122, 120, 170, 66,  149,
                                  85,  95,  178, 114, 124, 207, 82,  152, 186, 62,  177, 113, 87}));
}

TEST(Antialias, EqualsThePillowThatIsHere) {
  const std::string python = pillow_python();
  if (python.empty()) GTEST_SKIP() << "no python with Pillow";
  const test::TempFolder folder;
  std::ofstream jobs(folder / "jobs.txt"), in(folder / "in.bin");
  std::vector<uint8_t> ours;
  Rng rng(8, RngUse::kTest);
  for (int i = 0; i < 200; ++i) {
    const auto side = [&](int limit) { return static_cast<int>(rng.uniform_int(1, i % 4 ? limit : 12)); };
    const Image picture = test::make_picture(side(300), side(300), i % 3 ? 3 : 1, i);
    const Size target = i == 1 ? Size{picture.width, picture.height} : Size{side(250), side(250)};
    jobs << picture.width << " " << picture.height << " " << picture.channels << " " << target.width << " "
         << target.height << "\n";
    in.write(reinterpret_cast<const char*>(picture.pixels.data()), static_cast<std::streamsize>(picture.pixels.size()));
    const Image mine = resized(picture, target);
    ours.insert(ours.end(), mine.pixels.begin(), mine.pixels.end());
  }
  jobs.close();
  in.close();
  const auto outcome = test::run_command(cat(python, " tests/image/pillow_resize.py ", folder.path().string()));
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  const auto theirs = read_bytes(folder / "out.bin");
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(ours)), theirs));
}

TEST(Antialias, AWindowNeedsOnlyTheSourceUnderIt) {
  Rng rng(9, RngUse::kTest);
  for (int i = 0; i < 200; ++i) {
    const Image whole = test::make_picture(static_cast<int>(rng.uniform_int(1, 300)),
                                           static_cast<int>(rng.uniform_int(1, 300)), std::array{1, 3, 4}[i % 3], i);
    const Size source{whole.width, whole.height};
    const Size target{static_cast<int>(rng.uniform_int(1, 300)), static_cast<int>(rng.uniform_int(1, 300))};
    const Region window = test::draw_region(target.width, target.height, rng);
    const Region region = source_under(window, source, target, Interpolation::kAntialias);
    Image out;
    out.resize(window.width, window.height, whole.channels);
    resize_window(test::cut(whole, region), region, {source, target, window, Interpolation::kAntialias},
                  out.pixels.data());
    ASSERT_TRUE(out.pixels == test::cut(resized(whole, target), window).pixels) << i;
  }
}

TEST(Antialias, EverySourcePixelCounts) {
  Image picture;
  picture.resize(64, 1, 1);
  for (int x = 0; x < 64; ++x) picture.pixels[x] = x % 8 ? 0 : 160;  // one of eight
  EXPECT_EQ(resized(picture, {8, 1}).pixels[4], 20);
  Image bilinear;
  resize_whole(picture, {8, 1}, Interpolation::kBilinear, bilinear);
  EXPECT_EQ(bilinear.pixels[4], 0);
}

TEST(Antialias, KeepsWhatHasItsSize) {
  const Image picture = test::make_picture(31, 17);
  EXPECT_EQ(resized(picture, {31, 17}).pixels, picture.pixels);
}

}  // namespace
}  // namespace lockstep::image

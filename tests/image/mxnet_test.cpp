#include <fstream>

#include <gtest/gtest.h>

#include "affine.h"
#include "lockstep/core/file.h"
#include "lockstep/image/plan.h"
#include "pictures.h"
#include "support/temp_folder.h"

// Real MXNet 1.9.1 decodes and augments real pictures; ours must be equal pixel for pixel wherever no random number is
// drawn.
namespace lockstep::image {
namespace {

/// The pixels of all pictures one after the other, from tests/mxnet/image_record_iter.py.
std::vector<std::byte> judged(const std::vector<Path>& pictures, const std::string& options) {
  const test::TempFolder folder;
  std::ofstream list(folder / "pictures.txt");
  for (const Path& path : pictures) list << path.string() << "\n";
  list.close();
  std::ofstream(folder / "options.json") << options;
  const auto outcome = test::run_mxnet(
      "image_record_iter.py",
      cat(folder.path().string(), " ", (folder / "pictures.txt").string(), " ", (folder / "options.json").string()));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  return outcome.status == 0 ? read_bytes(folder / "out.bin") : std::vector<std::byte>();
}

std::vector<uint8_t> ours(const Path& path, const PlanOptions& options, const AffineDraw* affine = nullptr) {
  const auto bytes = read_bytes(path);
  const Header header = probe(bytes, 1 << 26);
  Plan p = plan(header, Rng(1, RngUse::kAugment), options);
  if (affine) {
    const Size size = p.resized_width ? Size{p.resized_width, p.resized_height} : Size{p.width, p.height};
    p.affine = true;
    p.matrix = affine_matrix(*affine, size);
    p.region = {0, 0, p.width, p.height};
  }
  Image pixels;
  decode(bytes, {}, header, p.region, options.channels, pixels);
  std::vector<uint8_t> out(size_t{1} * options.width * options.height * options.channels);
  apply(p, pixels, options, out);
  return out;
}

void expect_equal(const std::vector<Path>& pictures, const std::string& judge, const PlanOptions& options,
                  const AffineDraw* affine = nullptr) {
  const auto theirs = judged(pictures, judge);
  const size_t size = size_t{1} * options.width * options.height * options.channels;
  ASSERT_EQ(theirs.size(), size * pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::vector<uint8_t> mine = ours(pictures[i], options, affine);
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(mine)), std::span(theirs).subspan(i * size, size)))
        << pictures[i] << " " << judge;
  }
}

std::vector<Path> pictures_of(std::initializer_list<const char*> folders, size_t count) {
  std::vector<Path> all;
  for (const char* folder : folders)
    for (const Path& path : test::real_pictures(folder, count)) all.push_back(path);
  return all;
}

class Mxnet : public testing::Test {
 protected:
  void SetUp() override {
    if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
    if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  }
};

TEST_F(Mxnet, DecodesTheSamePixels) {
  const Path weird = test::data_folder() / "F_weird/valid";
  auto pictures = pictures_of({"A_cats-dogs", "B2_caltech20", "E_imagenet-photos", "D2_mnist-png"}, 8);
  for (const char* name : {"made-cmyk-im.jpg", "irs-ycck.jpg", "made-rgba.png", "made-rgb16.png",
                           "made-palette-trns.png", "made-la.png", "made-rgb24.bmp"})
    pictures.push_back(weird / name);
  const auto theirs = judged(pictures, R"({"decode": true})");
  size_t at = 0;
  for (const Path& path : pictures) {
    const Image picture = test::decode_all(read_bytes(path));
    ASSERT_LE(at + picture.pixels.size(), theirs.size());
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(picture.pixels)),
                                   std::span(theirs).subspan(at, picture.pixels.size())))
        << path;
    at += picture.pixels.size();
  }
}

// The iterator turns; mx.image.imdecode does not.
TEST_F(Mxnet, TurnsByExifOrientationAlike) {
  std::vector<Path> pictures;
  for (int orientation = 2; orientation <= 8; ++orientation)
    pictures.push_back(test::data_folder() / cat("F_weird/valid/hopper_orientation_", orientation, ".jpg"));
  expect_equal(pictures, R"({"data_shape": [3, 128, 128]})", {.height = 128, .width = 128});
}

TEST_F(Mxnet, ResizesAndCutsTheCentreAlike) {
  expect_equal(pictures_of({"A_cats-dogs", "E_imagenet-photos", "C2_coco"}, 10),
               R"({"data_shape": [3, 224, 224], "resize": 256})", {.resize = 256});
}

TEST_F(Mxnet, CutsTheCentreAlikeWithoutResizing) {
  expect_equal(pictures_of({"C2_coco", "E_imagenet-photos"}, 8), R"({"data_shape": [3, 160, 192]})",
               {.height = 160, .width = 192});
}

TEST_F(Mxnet, EnlargesSmallPicturesAlike) {
  const Path weird = test::data_folder() / "F_weird/valid";
  auto pictures = pictures_of({"D1_cifar10-jpg", "B3_dogs24-64px", "A_cats-dogs"}, 6);
  for (const char* name :
       {"made-size-2x3.jpg", "made-size-1x1.jpg", "jpg-size-17x17.jpg", "made-size-16x4000.jpg", "made-s411.jpg"})
    pictures.push_back(weird / name);
  expect_equal(pictures, R"({"data_shape": [3, 299, 331]})", {.height = 299, .width = 331});
}

TEST_F(Mxnet, EnlargesWhatWasResizedBelowTheCropAlike) {
  expect_equal(pictures_of({"A_cats-dogs"}, 12), R"({"data_shape": [3, 224, 224], "resize": 150})", {.resize = 150});
}

TEST_F(Mxnet, GivesTheSameGrey) {
  expect_equal(pictures_of({"A_cats-dogs", "D2_mnist-png"}, 6), R"({"data_shape": [1, 64, 64], "resize": 70})",
               {.channels = 1, .height = 64, .width = 64, .resize = 70});
}

TEST_F(Mxnet, TransformsAlike) {
  const AffineDraw draw{.shear = 0, .angle = 7, .scale = 1, .ratio = 1.2F};
  expect_equal(
      pictures_of({"A_cats-dogs", "E_imagenet-photos"}, 8),
      R"({"data_shape": [3, 224, 224], "resize": 256, "rotate": 7, "min_aspect_ratio": 1.2, "max_aspect_ratio": 1.2})",
      {.resize = 256}, &draw);
}

}  // namespace
}  // namespace lockstep::image

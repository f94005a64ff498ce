#include <gtest/gtest.h>

#include "lockstep/data/pack.h"
#include "pictures_on_disk.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

/// The same pictures through the real im2rec.py (into im2rec/) and through pack() (into ours/).
class RealIm2rec : public testing::Test {
 protected:
  void SetUp() override {
    if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
    std::filesystem::create_directories(folder_ / "im2rec");
    uint64_t seed = 0;
    for (const char* name : {"cat", "Dog", "dog 2", "\xC3\xA9t\xC3\xA9"})
      for (int i = 0; i < 6; ++i)
        test::write_picture(root_ / name / cat(i, i % 3 ? ".jpg" : ".PNG"), 30 + 7 * i, 50 - 4 * i, ++seed);
    options_.root = root_;
    options_.prefix = folder_ / "ours/set";
    options_.every_folder_a_class = true;
  }

  void im2rec(const std::string& flags) {
    const auto outcome = test::run_mxnet("im2rec_run.py", cat(folder_ / "im2rec/set", " ", root_, " ", flags));
    ASSERT_EQ(outcome.status, 0) << outcome.output;
  }

  void expect_equal(const std::string& name) const {
    SCOPED_TRACE(name);
    EXPECT_EQ(read_bytes(folder_ / "ours" / name), read_bytes(folder_ / "im2rec" / name));
  }

  test::TempFolder folder_;
  const Path root_ = folder_ / "pictures";
  PackOptions options_;
};

TEST_F(RealIm2rec, MakesTheSameListRecordsAndIndex) {
  im2rec("--list --recursive");
  im2rec("--pass-through");
  pack(options_);
  for (const char* name : {"set.lst", "set.rec", "set.idx"}) expect_equal(name);
}

TEST_F(RealIm2rec, WalksNestedFoldersAlike) {
  test::write_picture(root_ / "cat/young/a.jpg", 20, 20, 90);
  test::write_picture(root_ / "cat/Old/b.jpeg", 20, 20, 91);
  test::write_picture(root_ / "top.jpg", 20, 20, 92);
  test::write_file(root_ / "cat/notes.txt", std::string("no picture"));
  im2rec("--list --recursive --no-shuffle");
  options_.shuffle = false;
  options_.list_only = true;
  pack(options_);
  expect_equal("set.lst");
}

TEST_F(RealIm2rec, TakesOneFolderAlike) {
  for (int i = 0; i < 5; ++i) test::write_picture(root_ / cat(i, ".jpg"), 20, 20, 90 + i);
  im2rec("--list");
  options_.recursive = false;
  options_.list_only = true;
  pack(options_);
  expect_equal("set.lst");
}

TEST_F(RealIm2rec, CutsChunksAndRatiosAlike) {
  im2rec("--list --recursive --chunks 2 --train-ratio 0.55 --test-ratio 0.25");
  options_.list_only = true;
  options_.chunks = 2;
  options_.train_ratio = 0.55;
  options_.test_ratio = 0.25;
  pack(options_);
  for (const char* name :
       {"set_0_train.lst", "set_0_val.lst", "set_0_test.lst", "set_1_train.lst", "set_1_val.lst", "set_1_test.lst"})
    expect_equal(name);
}

TEST_F(RealIm2rec, PacksSeveralLabelsAlike) {
  const std::string list = "4\t1\t0\t1.5\tcat/1.jpg\n2\t0\t1\t0\tDog/0.PNG\n";
  test::write_file(folder_ / "im2rec/set.lst", list);
  test::write_file(folder_ / "ours/set.lst", list);
  options_.existing_lists = true;
  for (const bool packed : {false, true}) {
    im2rec(packed ? "--pass-through --pack-label" : "--pass-through");
    options_.pack_label = packed;
    pack(options_);
    for (const char* name : {"set.lst", "set.rec", "set.idx"}) expect_equal(name);
  }
}

// Both resize and encode through an OpenCV; with versions that differ only the sizes would have to agree.
TEST_F(RealIm2rec, EncodesAlike) {
  options_.pass_through = false;
  im2rec("--list --recursive");
  im2rec("");
  pack(options_);
  expect_equal("set.rec");
  im2rec("--resize 24 --center-crop --quality 80 --num-thread 2");
  options_.resize = 24;
  options_.center_crop = true;
  options_.quality = 80;
  pack(options_);
  for (const char* name : {"set.rec", "set.idx"}) expect_equal(name);
  im2rec("--resize 64 --encoding .png --color 0");
  options_.resize = 64;
  options_.center_crop = false;
  options_.quality = 95;
  options_.encoding = ".png";
  options_.colour = 0;
  pack(options_);
  expect_equal("set.rec");
  im2rec("--encoding .png --color -1");
  options_.resize = 0;
  options_.colour = -1;
  pack(options_);
  expect_equal("set.rec");
}

TEST_F(RealIm2rec, PacksPhotographsAlike) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path photographs = test::data_folder() / "A_cats-dogs/val";
  if (!std::filesystem::is_directory(photographs)) GTEST_SKIP() << test::kNoData;
  std::filesystem::remove_all(root_);
  std::filesystem::create_directory_symlink(std::filesystem::canonical(photographs), root_);
  im2rec("--list --recursive");
  im2rec("--resize 96 --quality 90");
  options_.pass_through = false;
  options_.resize = 96;
  options_.quality = 90;
  pack(options_);
  for (const char* name : {"set.lst", "set.rec", "set.idx"}) expect_equal(name);
}

}  // namespace
}  // namespace lockstep::data

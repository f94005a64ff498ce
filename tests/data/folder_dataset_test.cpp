#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Names = std::vector<std::string>;

class FolderDataset : public testing::Test {
 protected:
  void add(const std::string& file) { toy::write_text(folder_ / file, "picture"); }
  std::unique_ptr<Dataset> open(const std::string& role = "train", const Names& class_names = {}) {
    auto options = toy::options_for(folder_.path());
    options.role = role;
    options.class_names = class_names;
    return open_dataset(options);
  }
  float label_of(const Dataset& dataset, const std::string& file) {
    Sample sample;
    for (size_t i = 0; i < dataset.size(); ++i) {
      dataset.read(i, sample);
      if (sample.name == (folder_ / file).string()) return sample.labels.at(0);
    }
    return -1;
  }
  test::TempFolder folder_;
};

TEST_F(FolderDataset, NumbersClassesByTheirSortedNames) {
  for (const char* file : {"dog/1.jpg", "002.Bee/1.jpg", "cat/1.jpg", "cat/0.jpg"}) add(file);
  const auto dataset = open();
  EXPECT_EQ(dataset->class_names(), (Names{"002.Bee", "cat", "dog"}));
  EXPECT_EQ(dataset->size(), 4u);
  EXPECT_EQ(label_of(*dataset, "dog/1.jpg"), 2);
}

TEST_F(FolderDataset, TakesPicturesOnlyAtAnyDepth) {
  for (const char* file :
       {"a/1.JPG", "a/deep/2.webp", "a/notes.txt", "a/.hidden.jpg", "a/Thumbs.db", "b/3.tiff", "b/4.gif", "readme.md"})
    add(file);
  EXPECT_EQ(open()->size(), 4u);
}

TEST_F(FolderDataset, NamesEmptyClassFoldersAndDoesNotCountThem) {
  add("b/1.jpg");
  std::filesystem::create_directory(folder_ / "a");
  std::filesystem::create_directory(folder_ / ".cache");
  testing::internal::CaptureStderr();
  const auto dataset = open();
  test::expect_contains(testing::internal::GetCapturedStderr(), "no pictures in a");
  EXPECT_EQ(dataset->class_names(), Names{"b"});
}

TEST_F(FolderDataset, RefusesClassFoldersWithoutAPicture) {
  add("a/notes.txt");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open(); }), "no pictures");
}

TEST_F(FolderDataset, PicksTheSplitOfItsRole) {
  for (const char* file : {"train/a/1.jpg", "train/b/2.jpg", "train/c/3.jpg", "valid/b/4.jpg", "test/c/5.jpg"})
    add(file);
  EXPECT_EQ(open("train")->size(), 3u);
  EXPECT_EQ(label_of(*open("validation"), "valid/b/4.jpg"), 1);
  EXPECT_EQ(label_of(*open("test"), "test/c/5.jpg"), 2);
  EXPECT_EQ(open("validation")->class_names(), (Names{"a", "b", "c"}));
}

TEST_F(FolderDataset, ListsTheSplitsWhenThereIsNoneForItsRole) {
  for (const char* file : {"train/a/1.jpg", "test/a/2.jpg"}) add(file);
  const auto message = test::expect_error(ErrorKind::kUsage, [&] { open("validation"); });
  test::expect_contains(message, "channels.validation");
  test::expect_contains(message, "test, train");
}

TEST_F(FolderDataset, MatchesGivenClassesByName) {
  for (const char* file : {"dog/1.jpg", "cat/2.jpg"}) add(file);
  const auto dataset = open("validation", {"dog", "bird", "cat"});
  EXPECT_EQ(dataset->class_names(), (Names{"dog", "bird", "cat"}));
  EXPECT_EQ(label_of(*dataset, "dog/1.jpg"), 0);
  EXPECT_EQ(label_of(*dataset, "cat/2.jpg"), 2);
}

TEST_F(FolderDataset, NamesTheNearestOfAnUnknownClass) {
  add("tabby cats/1.jpg");
  const auto message = test::expect_error(ErrorKind::kData, [&] { open("validation", {"dog", "tabby cat"}); });
  test::expect_contains(message, "tabby cats");
  test::expect_contains(message, "did you mean tabby cat?");
}

TEST_F(FolderDataset, HasOneLabelAPicture) {
  add("a/1.jpg");
  auto options = toy::options_for(folder_.path());
  options.multi_label = true;
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); }), ".lst");
}

TEST_F(FolderDataset, NamesAPictureThatWentAway) {
  add("a/1.jpg");
  const auto dataset = open();
  std::filesystem::remove(folder_ / "a/1.jpg");
  Sample sample;
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { dataset->read(0, sample); }),
                        "a/1.jpg does not exist");
}

}  // namespace
}  // namespace lockstep::data

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Labels = std::vector<float>;

/// A folder with pictures a.png, b.png, c.png, and list.lst with this text beside it.
class ListDataset : public testing::Test {
 protected:
  ListDataset() {
    for (const char* name : {"a.png", "b.png", "c.png"})
      toy::write_file(folder_ / "images" / name, toy::make_png(1, 0));
  }
  DatasetOptions write(const std::string& list) {
    toy::write_text(folder_ / "list.lst", list);
    auto options = toy::options_for(folder_ / "images");
    options.list.paths = {(folder_ / "list.lst").string()};
    return options;
  }
  test::TempFolder folder_;
};

Labels labels_of(const Dataset& dataset, size_t i) {
  Labels labels;
  dataset.read_labels(i, labels);
  return labels;
}

TEST_F(ListDataset, FollowsTheListInAnotherFolder) {
  const auto dataset = open_dataset(write("7\t1.000000\tb.png\n4\t0.000000\ta.png\n"));
  ASSERT_EQ(dataset->size(), 2u);
  Sample sample;
  dataset->read(0, sample);
  EXPECT_EQ(sample.labels, Labels{1});
  EXPECT_EQ(sample.name, (folder_ / "images" / "b.png").string());
}

TEST_F(ListDataset, ReadsMultiHotColumns) {
  auto options = write("0\t0\t1\t1\ta.png\n1\t2\t0\t0\tb.png\n");
  options.multi_label = true;
  const auto dataset = open_dataset(options);
  EXPECT_EQ(dataset->label_width(), 3);
  EXPECT_EQ(labels_of(*dataset, 0), (Labels{0, 1, 1}));
  EXPECT_EQ(labels_of(*dataset, 1), (Labels{1, 0, 0}));
}

TEST_F(ListDataset, SpreadsClassIdsInOneColumn) {
  auto options = write("0\t0,2\ta.png\n1\t4\tb.png\n");
  options.multi_label = true;
  const auto counted = open_dataset(options);
  EXPECT_EQ(counted->label_width(), 5);
  EXPECT_EQ(labels_of(*counted, 0), (Labels{1, 0, 1, 0, 0}));
  EXPECT_EQ(labels_of(*counted, 1), (Labels{0, 0, 0, 0, 1}));
  options.classes = 6;
  EXPECT_EQ(open_dataset(options)->label_width(), 6);
}

TEST_F(ListDataset, TakesASingleColumnForClassIdsWhenThereAreSeveralClasses) {
  auto options = write("0\t2\ta.png\n1\t0\tb.png\n");
  options.multi_label = true;
  options.classes = 3;
  EXPECT_EQ(labels_of(*open_dataset(options), 0), (Labels{0, 0, 1}));
}

TEST_F(ListDataset, NamesListAndEntryOfABadLabel) {
  const auto dataset = open_dataset(write("7\t1\ta.png\n8\t1.5\tb.png\n"));
  const auto message = test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 1); });
  for (const char* part : {"list.lst", "id 8", "b.png", "1.5"}) test::expect_contains(message, part);
}

TEST_F(ListDataset, FindsAWrongRootWhenOpened) {
  const auto options = write("7\t1\timages/a.png\n");
  const auto message = test::expect_error(ErrorKind::kData, [&] { open_dataset(options); });
  test::expect_contains(message, "the first image of");
  test::expect_contains(message, "list.lst");
  test::expect_contains(message, "images holds a.png");
}

TEST_F(ListDataset, NamesAMissingImageAndItsLikes) {
  const auto dataset = open_dataset(write("7\t1\ta.png\n8\t0\tb.jpg\n"));
  Sample sample;
  const auto message = test::expect_error(ErrorKind::kData, [&] { dataset->read(1, sample); });
  test::expect_contains(message, "b.jpg does not exist");
  test::expect_contains(message, "b.png");
}

TEST_F(ListDataset, IgnoresImagesThatTheListDoesNotName) {
  EXPECT_EQ(open_dataset(write("7\t1\tc.png\n"))->size(), 1u);
}

TEST_F(ListDataset, RefusesAnEmptyList) {
  test::expect_error(ErrorKind::kData, [&] { open_dataset(write("\n")); });
}

TEST_F(ListDataset, NeedsAFolderBesideTheListChannel) {
  auto options = write("7\t1\ta.png\n");
  options.channel.paths = {(folder_ / "images" / "a.png").string()};
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); }), "not a folder");
}

}  // namespace
}  // namespace lockstep::data

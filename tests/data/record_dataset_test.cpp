#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Labels = std::vector<float>;

/// A .rec of empty pictures with these labels.
void write_labels(const Path& path, const std::vector<Labels>& rows) {
  record::Writer writer(path, Path());
  std::vector<std::byte> payload;
  for (size_t i = 0; i < rows.size(); ++i) {
    record::pack(500 + i, rows[i], true, {}, payload);
    writer.write(500 + i, payload);
  }
  writer.finish();
}

Labels labels_of(const Dataset& dataset, size_t i) {
  Labels labels;
  dataset.read_labels(i, labels);
  return labels;
}

DatasetOptions multi_label(const Path& path) {
  auto options = toy::options_for(path);
  options.multi_label = true;
  return options;
}

TEST(RecordDataset, RunsThroughSeveralFilesInTheirOrder) {
  const test::TempFolder folder;
  write_labels(folder / "b.rec", {{0}, {1}});
  write_labels(folder / "a.rec", {{2}, {3}, {4}});
  auto options = toy::options_for(folder / "b.rec");
  options.channel.paths.push_back((folder / "a.rec").string());
  const auto dataset = open_dataset(options);
  ASSERT_EQ(dataset->size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(labels_of(*dataset, i), Labels{static_cast<float>(i)});
}

TEST(RecordDataset, TakesTheShardsInAFolder) {
  const test::TempFolder folder;
  write_labels(folder / "x_train-00001-of-00002.rec", {{1}});
  write_labels(folder / "x_train-00000-of-00002.rec", {{0}});
  toy::write_text(folder / "x.classes", "no\nyes\n");
  const auto dataset = open_dataset(toy::options_for(folder.path()));
  ASSERT_EQ(dataset->size(), 2u);
  EXPECT_EQ(labels_of(*dataset, 1), Labels{1});
  EXPECT_EQ(dataset->class_names(), (std::vector<std::string>{"no", "yes"}));
}

TEST(RecordDataset, DoesNotGuessAmongSeveralRecordsInAFolder) {
  const test::TempFolder folder;
  write_labels(folder / "x_train.rec", {{0}});
  write_labels(folder / "x_val.rec", {{0}});
  const auto message = test::expect_error(ErrorKind::kUsage, [&] { open_dataset(toy::options_for(folder.path())); });
  test::expect_contains(message, "x_train, x_val");
}

TEST(RecordDataset, FindsTheClassNamesOfItsPrefix) {
  const test::TempFolder folder;
  write_labels(folder / "pets_val.rec", {{0}});
  EXPECT_TRUE(open_dataset(toy::options_for(folder / "pets_val.rec"))->class_names().empty());
  toy::write_text(folder / "pets.classes", "cat\r\ndog\r\n\n");
  EXPECT_EQ(open_dataset(toy::options_for(folder / "pets_val.rec"))->class_names(),
            (std::vector<std::string>{"cat", "dog"}));
  toy::write_text(folder / "pets_val.classes", "bird\n");
  EXPECT_EQ(open_dataset(toy::options_for(folder / "pets_val.rec"))->class_names(), (std::vector<std::string>{"bird"}));
}

TEST(RecordDataset, NamesTheLineOfAClassGivenTwice) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0}});
  toy::write_text(folder / "x.classes", "cat\ndog\ncat\n");
  const auto message = test::expect_error(ErrorKind::kData, [&] { open_dataset(toy::options_for(folder / "x.rec")); });
  test::expect_contains(message, "x.classes:3");
}

TEST(RecordDataset, NamesPathRecordOffsetAndIdOfABadLabel) {
  const test::TempFolder folder;
  for (const float bad : {-1.0f, 0.5f, 1e9f}) {
    write_labels(folder / "x.rec", {{0}, {bad}});
    const auto dataset = open_dataset(toy::options_for(folder / "x.rec"));
    const auto message = test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 1); });
    for (const char* part : {"x.rec", "record 1", "at byte 36", "id 501", "whole numbers"})
      test::expect_contains(message, part);
  }
}

TEST(RecordDataset, RefusesALabelBeyondTheNames) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{2}});
  toy::write_text(folder / "x.classes", "cat\ndog\n");
  const auto dataset = open_dataset(toy::options_for(folder / "x.rec"));
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 0); }), "beyond the 2 classes");
}

TEST(RecordDataset, SaysThatSeveralLabelsNeedMultiLabel) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0, 1, 0}});
  const auto dataset = open_dataset(toy::options_for(folder / "x.rec"));
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 0); }), "multi_label");
}

TEST(RecordDataset, ReadsMultiHotLabels) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0, 1, 0, 1}, {1, 0, 0, 0}});
  const auto dataset = open_dataset(multi_label(folder / "x.rec"));
  EXPECT_EQ(dataset->label_width(), 4);
  EXPECT_EQ(labels_of(*dataset, 0), (Labels{0, 1, 0, 1}));
  EXPECT_EQ(labels_of(*dataset, 1), (Labels{1, 0, 0, 0}));
}

TEST(RecordDataset, CountsAValueAboveOneHalfAsOneAndWarnsOnce) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{2, 0, 0.25f}, {0, 3, 1}});
  const auto dataset = open_dataset(multi_label(folder / "x.rec"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(labels_of(*dataset, 0), (Labels{1, 0, 0}));
  EXPECT_EQ(labels_of(*dataset, 1), (Labels{0, 1, 1}));
  EXPECT_EQ(labels_of(*dataset, 0), (Labels{1, 0, 0}));
  const std::string logged = testing::internal::GetCapturedStderr();
  test::expect_contains(logged, "label 2");
  EXPECT_EQ(logged.find("label 3"), std::string::npos) << logged;
}

TEST(RecordDataset, RefusesMultiHotLabelsOfAnotherNumberOrSign) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0, 1, 0}, {0, 1}, {0, -1, 0}});
  const auto dataset = open_dataset(multi_label(folder / "x.rec"));
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 1); }),
                        "2 labels where the first sample has 3");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 2); }), "label -1");
}

TEST(RecordDataset, SpreadsClassIds) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0, 2}, {3}, {4}});
  auto options = multi_label(folder / "x.rec");
  options.channel.content_type = "application/x-recordio; label-format=class-id";
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); }), "num_classes");
  options.classes = 4;
  const auto dataset = open_dataset(options);
  EXPECT_EQ(labels_of(*dataset, 0), (Labels{1, 0, 1, 0}));
  EXPECT_EQ(labels_of(*dataset, 1), (Labels{0, 0, 0, 1}));
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { labels_of(*dataset, 2); }), "0 to 3");
}

TEST(RecordDataset, SaysWhenRecordsAreOthersThanTheIndexSays) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {{0}, {1}, {2}});
  toy::write_text(folder / "x.idx", "500\t0\n501\t36\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(open_dataset(toy::options_for(folder / "x.rec"))->size(), 3u);
  test::expect_contains(testing::internal::GetCapturedStderr(), "x.rec: its index file is not used");
}

TEST(RecordDataset, RefusesAFileWithoutRecords) {
  const test::TempFolder folder;
  write_labels(folder / "x.rec", {});
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(toy::options_for(folder / "x.rec")); }),
                        "x.rec");
}

}  // namespace
}  // namespace lockstep::data

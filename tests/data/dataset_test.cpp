#include "lockstep/data/dataset.h"

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

TEST(OpenDataset, NamesChannelAndParentOfAMissingPathAndWhatIsLikeIt) {
  const test::TempFolder folder;
  toy::write_text(folder / "data/train.rec", "");
  toy::write_text(folder / "data/train.idx", "");
  toy::write_text(folder / "data/other.txt", "");
  const auto message =
      test::expect_error(ErrorKind::kUsage, [&] { open_dataset(toy::options_for(folder / "data/trian.rec")); });
  test::expect_contains(message, "channels.train: ");
  test::expect_contains(message, "data holds train.rec");
  EXPECT_EQ(message.find("other"), std::string::npos) << message;
}

TEST(OpenDataset, ClimbsToTheNearestFolderThatExists) {
  const test::TempFolder folder;
  toy::write_text(folder / "photos/a.txt", "");
  const auto message =
      test::expect_error(ErrorKind::kUsage, [&] { open_dataset(toy::options_for(folder / "photo/cats/x/")); });
  test::expect_contains(message, folder.path().string() + " holds photos");
}

TEST(OpenDataset, ListsTheFormatsThatItKnows) {
  const test::TempFolder folder;
  toy::write_text(folder / "a.parquet", "PAR1");
  const auto message =
      test::expect_error(ErrorKind::kUsage, [&] { open_dataset(toy::options_for(folder / "a.parquet")); });
  for (const char* part : {"a.parquet", "records:", "list:", "folder:"}) test::expect_contains(message, part);
}

TEST(OpenDataset, SaysWhichChannelIsNotGiven) {
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { open_dataset({}); }), "channels.train is not given");
}

TEST(OpenDataset, ReadsRealPhotographs) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto options = toy::options_for(test::data_folder() / "A_cats-dogs");
  const auto train = open_dataset(options);
  const auto facts = survey(*train, false, 2);
  EXPECT_EQ(facts.samples, 1200);
  EXPECT_EQ(facts.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(facts.class_counts, (std::vector<int64_t>{600, 600}));
  options.role = "validation";
  EXPECT_EQ(open_dataset(options)->size(), 300u);
}

/// Labels from memory; no pictures.
class LabelsOnly : public Dataset {
 public:
  LabelsOnly(std::vector<std::vector<float>> labels, int label_width) : labels_(std::move(labels)) {
    label_width_ = label_width;
  }
  size_t size() const override { return labels_.size(); }
  void read(size_t i, Sample& sample) const override {
    read_labels(i, sample.labels);
    sample.bytes = {};
  }
  void read_labels(size_t i, std::vector<float>& labels) const override {
    labels = labels_[i];
    if (labels[0] < 0) fail(ErrorKind::kData, "sample ", i, " is damaged");
  }

 private:
  std::vector<std::vector<float>> labels_;
};

TEST(Survey, CountsOneLabelASampleOnAnyNumberOfThreads) {
  const LabelsOnly dataset({{0}, {3}, {3}, {0}, {0}}, 1);
  for (const int threads : {1, 2, 5, 16}) {
    const auto facts = survey(dataset, false, threads);
    EXPECT_EQ(facts.samples, 5);
    EXPECT_EQ(facts.classes, 4);
    EXPECT_EQ(facts.class_counts, (std::vector<int64_t>{3, 0, 0, 2}));
    EXPECT_TRUE(facts.class_names.empty());
  }
}

TEST(Survey, CountsTheSamplesThatCarryEachOfSeveralLabels) {
  const auto facts = survey(LabelsOnly({{0, 1, 1}, {0, 1, 0}}, 3), true, 2);
  EXPECT_EQ(facts.classes, 3);
  EXPECT_EQ(facts.class_counts, (std::vector<int64_t>{0, 2, 1}));
}

TEST(Survey, NamesTheFirstBadSampleOnAnyNumberOfThreads) {
  const LabelsOnly dataset({{0}, {1}, {-1}, {0}, {-1}, {1}}, 1);
  for (const int threads : {1, 2, 6})
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { survey(dataset, false, threads); }),
                          "sample 2 is damaged");
}

TEST(Survey, LeavesOutAsManyUnreadableSamplesAsItMay) {
  const LabelsOnly dataset({{0}, {1}, {-1}, {0}, {-1}, {1}}, 1);
  for (const int threads : {1, 2, 6}) {
    testing::internal::CaptureStderr();
    const auto facts = survey(dataset, false, threads, 2);
    test::expect_contains(testing::internal::GetCapturedStderr(), "left out: sample 4 is damaged");
    EXPECT_EQ(facts.samples, 6);
    EXPECT_EQ(facts.class_counts, (std::vector<int64_t>{2, 2}));
    const auto message = test::expect_error(ErrorKind::kData, [&] { survey(dataset, false, threads, 1); });
    test::expect_contains(message, "2 samples are unreadable where 1 may be skipped");
    test::expect_contains(message, "sample 4 is damaged");
  }
}

TEST(Fingerprint, ChangesWithLabelsAndTheirOrder) {
  const uint64_t value = fingerprint(LabelsOnly({{0}, {1}, {1}}, 1));
  EXPECT_EQ(value, fingerprint(LabelsOnly({{0}, {1}, {1}}, 1)));
  EXPECT_NE(value, fingerprint(LabelsOnly({{1}, {0}, {1}}, 1)));
  EXPECT_NE(value, fingerprint(LabelsOnly({{0}, {1}, {0}}, 1)));
  EXPECT_NE(value, fingerprint(LabelsOnly({{0}, {1}}, 1)));
}

TEST(Fingerprint, ChangesWithTheSizeOfAPicture) {
  const test::TempFolder folder;
  auto pictures = toy::make_pictures(3);
  const auto options = toy::write_records(folder / "data", pictures);
  const uint64_t before = fingerprint(*open_dataset(options));
  pictures[1].bytes.push_back({});
  toy::write_records(folder / "data", pictures);
  EXPECT_NE(before, fingerprint(*open_dataset(options)));
}

TEST(MapClasses, MatchesByName) {
  EXPECT_EQ(map_classes({"dog", "cat"}, {"cat", "bird", "dog"}), (std::vector<int>{2, 0}));
}

TEST(MapClasses, HasNothingToDoWithoutNames) {
  EXPECT_TRUE(map_classes({}, {"cat"}).empty());
  EXPECT_TRUE(map_classes({"cat"}, {}).empty());
}

TEST(MapClasses, NamesTheUnknownClassAndTheNearestOne) {
  const auto message = test::expect_error(ErrorKind::kData, [] { map_classes({"cat", "beagel"}, {"cat", "beagle"}); });
  test::expect_contains(message, "beagel");
  test::expect_contains(message, "did you mean beagle?");
}

}  // namespace
}  // namespace lockstep::data

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Labels = std::vector<float>;
using Names = std::vector<std::string>;

class CsvDataset : public testing::Test {
 protected:
  CsvDataset() {
    for (const char* name : {"a.png", "b.png", "c.png"}) toy::write_file(folder_ / name, toy::make_png(1, 0));
  }
  DatasetOptions write(const std::string& text, bool multi_label) {
    toy::write_text(folder_ / "set.csv", text);
    auto options = toy::options_for(folder_ / "set.csv");
    options.multi_label = multi_label;
    return options;
  }
  std::vector<Labels> labels(const DatasetOptions& options) {
    const auto dataset = open_dataset(options);
    names_ = dataset->class_names();
    std::vector<Labels> all(dataset->size());
    for (size_t i = 0; i < all.size(); ++i) dataset->read_labels(i, all[i]);
    return all;
  }
  std::vector<Labels> labels(const std::string& text, bool multi_label) { return labels(write(text, multi_label)); }
  std::string error(const std::string& text, bool multi_label = false) {
    return test::expect_error(ErrorKind::kData, [&] { labels(text, multi_label); });
  }
  test::TempFolder folder_;
  Names names_;
};

TEST_F(CsvDataset, ReadsAColumnForEachLabel) {
  EXPECT_EQ(labels("file,sea,\"sky, blue\"\r\na.png,1,0\r\nb.png,1.0,1\r\n", true),
            (std::vector<Labels>{{1, 0}, {1, 1}}));
  EXPECT_EQ(names_, (Names{"sea", "sky, blue"}));
  test::expect_contains(error("file,sea,sky\na.png,1,0\nb.png,1,1\n"), "set.csv:3 (b.png): 2 labels where one class");
  EXPECT_EQ(labels("file,sea\na.png,1\nb.png,0\n", true), (std::vector<Labels>{{1}, {0}}));
}

TEST_F(CsvDataset, ReadsAColumnOfClassNamesInTheOrderOfTheirBytes) {
  EXPECT_EQ(labels("file,breed\na.png,dog\nb.png,Cat\nc.png,dog\n", false), (std::vector<Labels>{{1}, {0}, {1}}));
  EXPECT_EQ(names_, (Names{"Cat", "dog"}));
}

TEST_F(CsvDataset, ReadsAColumnOfClassNumbers) {
  EXPECT_EQ(labels("file,label\na.png,2\nb.png,0\n", false), (std::vector<Labels>{{2}, {0}}));
  EXPECT_EQ(names_, Names());
  EXPECT_EQ(labels("file,sea\na.png,1\nb.png,0\n", false), (std::vector<Labels>{{1}, {0}}));
  EXPECT_EQ(labels("file,label\na.png,2|0\nb.png,\n", true), (std::vector<Labels>{{1, 0, 1}, {0, 0, 0}}));
  toy::write_text(folder_ / "set.classes", "ape\nbee\n");
  test::expect_contains(error("file,label\na.png,1\nb.png,2\n"), "set.csv:3: label 2 is beyond the 2 classes");
}

TEST_F(CsvDataset, ReadsSeveralClassesInOneColumn) {
  EXPECT_EQ(labels("file,labels\na.png,dog|cat\nb.png,\nc.png,cat|cat\n", true),
            (std::vector<Labels>{{1, 1}, {0, 0}, {1, 0}}));
  EXPECT_EQ(names_, (Names{"cat", "dog"}));
}

TEST_F(CsvDataset, FindsTheClassColumnAmongOthers) {
  EXPECT_EQ(labels("file,count,\"Labels (|-separated)\",source\na.png,7,dog,x\nb.png,1,cat,y\n", false),
            (std::vector<Labels>{{1}, {0}}));
}

TEST_F(CsvDataset, MatchesTheNamesThatAreKnown) {
  auto options = write("file,breed\na.png,dog\n", false);
  options.class_names = {"ape", "dog"};
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1}}));
  EXPECT_EQ(names_, options.class_names);
  options = write("file,breed\na.png,dgo\n", false);
  options.class_names = {"ape", "dog"};
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(options); }),
                        "set.csv:2: no class is called \"dgo\"; did you mean \"dog\"?");
  options = write("file,dog,x\na.png,1,1\n", true);
  options.class_names = {"x", "y", "dog"};
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1, 0, 1}}));
}

TEST_F(CsvDataset, FindsItsPicturesBesideItAndInAFolderOfItsName) {
  toy::write_file(folder_ / "train/d.png", toy::make_png(1, 0));
  toy::write_text(folder_ / "train-labels.csv", "file,label\nd.png,1\n");
  Sample sample;
  open_dataset(toy::options_for(folder_ / "train-labels.csv"))->read(0, sample);
  EXPECT_EQ(sample.name, (folder_ / "train/d.png").string());
  auto options = toy::options_for(folder_ / "train");
  options.list.paths = {(folder_ / "train-labels.csv").string()};
  open_dataset(options)->read(0, sample);
  EXPECT_EQ(sample.name, (folder_ / "train/d.png").string());
  test::expect_contains(error("file,label\nx.png,1\n"), "its pictures were not found: x.png is not in ");
}

TEST_F(CsvDataset, NamesTheLineOfEveryKindOfMistake) {
  test::expect_contains(error("file,sea,sky\na.png,1,0\nb.png,yes,1\n", true), "set.csv:3: \"yes\" in column sea");
  test::expect_contains(error("file,sea,sea\na.png,1,0\n", true), "set.csv:1: the column sea is there already");
  test::expect_contains(error("file,label\n\na.png,1\nb.png\n"), "set.csv:4: 1 fields");
  test::expect_contains(error("file,label\n,1\n"), "set.csv:2: names no picture");
  test::expect_contains(error("a.png,1\nb.png,1\n"), "set.csv:1: the first line names a picture");
  test::expect_contains(error("file,label\na.png,\n"), "set.csv:2 (a.png): 0 labels where one class is expected");
  test::expect_contains(error("file,label\n"), "expected is a header");
  test::expect_contains(error(""), "expected is a header");
}

TEST_F(CsvDataset, ReadsRealScenesWithSeveralLabels) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto options = toy::options_for(test::data_folder() / "C1_miml-scenes/train-labels.csv");
  options.multi_label = true;
  const auto train = open_dataset(options);
  const auto facts = survey(*train, true, 2);
  EXPECT_EQ(facts.samples, 900);
  EXPECT_EQ(facts.class_names, (Names{"desert", "mountains", "sea", "sunset", "trees"}));
  Sample sample;
  for (const size_t i : {0, 450, 899}) {
    train->read(i, sample);
    EXPECT_GT(image::probe(sample.bytes, 1'000'000).width, 0);
  }
}

}  // namespace
}  // namespace lockstep::data

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "lockstep/data/pack.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

// Packing what a file lists: .csv, COCO JSON, manifests.
namespace lockstep::data {
namespace {

using Names = std::vector<std::string>;

class PackListed : public testing::Test {
 protected:
  PackListed() {
    options_.prefix = folder_ / "out/set";
    options_.threads = 2;
    options_.shuffle = false;
  }
  /// What a channel sees of the packed records beside what it sees of `source`.
  void expect_equal(const DatasetOptions& source, const Path& records) {
    DatasetOptions packed = source;
    packed.channel.paths = {records.string()};
    packed.list = {};
    const auto before = open_dataset(source), after = open_dataset(packed);
    ASSERT_EQ(before->size(), after->size());
    EXPECT_EQ(before->class_names(), after->class_names());
    Sample a, b;
    for (size_t i = 0; i < before->size(); ++i) {
      before->read(i, a);
      after->read(i, b);
      EXPECT_EQ(a.labels, b.labels) << i;
      EXPECT_TRUE(std::ranges::equal(a.bytes, b.bytes)) << i;
    }
  }
  std::string usage_error() {
    return test::expect_error(ErrorKind::kUsage, [&] { pack(options_); });
  }
  test::TempFolder folder_;
  PackOptions options_;
};

TEST_F(PackListed, TakesWhatAChannelTakes) {
  for (const char* format : {"manifest", "csv", "coco", "list"}) {
    const auto source = toy::writers().at(format)(folder_ / format, toy::make_pictures(9));
    options_.root = source.channel.paths.front();
    options_.prefix = folder_ / "out" / format;
    const auto summary = pack(options_);
    EXPECT_EQ(summary.classes, toy::kClasses) << format;
    EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{3, 3, 3})) << format;
    auto compared = source;
    compared.multi_label = std::string(format) == "coco";
    expect_equal(compared, summary.files[0].records);
  }
}

TEST_F(PackListed, TakesSeveralLabelsOfAManifestAndPicturesFromElsewhere) {
  toy::write_file(folder_ / "set/a.png", toy::make_png(1, 0));
  toy::write_file(folder_ / "s3/bkt/b.png", toy::make_png(2, 0));
  toy::write_text(folder_ / "set/x.manifest", R"({"source-ref": "a.png", "c": [0, 2]}
{"source-ref": "s3://bkt/b.png", "c": [1]}
no line
{"source-ref": "gone.png", "c": [1]}
)");
  options_.manifest = folder_ / "set/x.manifest";
  options_.root = folder_ / "set";
  test::expect_contains(usage_error(), "x.manifest:2: s3://bkt/b.png lies in S3");
  options_.s3_root = folder_ / "s3";
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, (Names{"0", "1", "2"}));
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{1, 1, 1}));
  ASSERT_EQ(summary.unreadable.size(), 2u);
  test::expect_contains(summary.unreadable[0], "x.manifest:3: ");
  test::expect_contains(summary.unreadable[1], "gone.png");
  // The list can be packed again.
  PackOptions again;
  again.root = folder_ / "set";
  again.from_list = folder_ / "out/set.lst";
  again.prefix = folder_ / "out/again";
  again.shuffle = false;
  EXPECT_EQ(pack(again).files[0].samples, 2);
  EXPECT_EQ(read_bytes(folder_ / "out/again.rec"), read_bytes(folder_ / "out/set.rec"));
  options_.strict = true;
  test::expect_error(ErrorKind::kData, [&] { pack(options_); });
}

TEST_F(PackListed, FollowsTheClassesThatAreGiven) {
  const auto source = toy::write_manifest(folder_ / "toy", toy::make_pictures(6));
  toy::write_text(folder_ / "all.classes", "cat\nape\nzebra\nbee\n");
  options_.root = source.channel.paths.front();
  options_.classes = folder_ / "all.classes";
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, (Names{"cat", "ape", "zebra", "bee"}));
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{2, 2, 0, 2}));
  toy::write_text(folder_ / "all.classes", "cat\nap\nbee\n");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { pack(options_); }), "no class is called \"ape\"");
}

TEST_F(PackListed, SaysWhichOptionsContradictEachOther) {
  toy::write_text(folder_ / "a.csv", "file,label\n");
  toy::write_text(folder_ / "a.txt", "");
  options_.root = folder_ / "a.txt";
  test::expect_contains(usage_error(), "neither a folder nor a list of pictures");
  options_.root = folder_.path();
  options_.labels = options_.coco = folder_ / "a.csv";
  test::expect_contains(usage_error(), "give one of them");
  options_.coco.clear();
  options_.categories = {"dog"};
  test::expect_contains(usage_error(), "--categories and --without-category are for COCO JSON");
  options_.categories.clear();
  options_.labels = folder_ / "b.csv";
  options_.root = folder_ / "a.csv";
  test::expect_contains(usage_error(), "both say what to pack");
}

TEST_F(PackListed, SelectsCategoriesOfRealInstances) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto source = toy::options_for(test::data_folder() / "C2_coco/val-instances.json");
  source.multi_label = true;
  source.categories = {"person", "car"};
  source.drop_without_category = true;
  options_.root = source.channel.paths.front();
  options_.categories = source.categories;
  options_.drop_without_category = true;
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, source.categories);
  expect_equal(source, summary.files[0].records);
}

}  // namespace
}  // namespace lockstep::data

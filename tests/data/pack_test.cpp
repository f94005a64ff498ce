#include "lockstep/data/pack.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "lockstep/record/image_record.h"
#include "lockstep/record/list.h"
#include "lockstep/record/reader.h"
#include "pictures_on_disk.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Names = std::vector<std::string>;

std::vector<std::string> names_in(const Path& folder) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// One record as a reader of the file sees it.
struct Seen {
  uint64_t id;
  std::vector<float> labels;
  std::vector<std::byte> picture;
};

std::vector<Seen> records_of(const Path& path) {
  const record::Reader reader(path);
  EXPECT_EQ(reader.index_note(), "") << path;
  std::vector<Seen> seen;
  std::vector<std::byte> storage;
  for (size_t i = 0; i < reader.size(); ++i) {
    Seen one{};
    const auto parsed = record::parse(reader.read(i, storage), one.labels);
    one.id = parsed.id;
    one.picture.assign(parsed.picture.begin(), parsed.picture.end());
    seen.push_back(std::move(one));
  }
  return seen;
}

class Pack : public testing::Test {
 protected:
  Pack() {
    options_.root = folder_ / "pictures";
    options_.prefix = folder_ / "out/set";
    options_.threads = 2;
  }

  /// `count` pictures in root/class.
  void add_class(const std::string& name, int count, const char* extension = ".png") {
    for (int i = 0; i < count; ++i) test::write_picture(options_.root / name / cat(i, extension), 6, 5, ++seed_);
  }
  std::string out(const std::string& name) const { return (folder_ / "out" / name).string(); }
  std::string text(const std::string& name) const { return read_text(out(name)); }
  std::string usage_error() {
    return test::expect_error(ErrorKind::kUsage, [&] { pack(options_); });
  }
  std::string data_error() {
    return test::expect_error(ErrorKind::kData, [&] { pack(options_); });
  }

  test::TempFolder folder_;
  PackOptions options_;
  uint64_t seed_ = 0;
};

TEST_F(Pack, MakesListRecordsIndexAndClassesOfAFolder) {
  add_class("cat", 6);
  add_class("dog", 4);
  const auto summary = pack(options_);
  EXPECT_EQ(names_in(folder_ / "out"), (Names{"set.classes", "set.idx", "set.lst", "set.rec"}));
  EXPECT_EQ(text("set.classes"), "cat\ndog\n");
  EXPECT_EQ(text("set.lst").substr(0, 36), "4\t0.000000\tcat/4.png\n0\t0.000000\tcat/");
  const auto records = records_of(out("set.rec"));
  const std::vector<uint64_t> python_order = {4, 0, 5, 9, 3, 1, 6, 8, 7, 2};
  ASSERT_EQ(records.size(), python_order.size());
  const auto list = record::read_list(out("set.lst"));
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].id, python_order[i]);
    EXPECT_EQ(records[i].labels, list.entries[i].labels);
    EXPECT_EQ(records[i].picture, read_bytes(options_.root / list.entries[i].path)) << "pass-through keeps the bytes";
  }
  ASSERT_EQ(summary.files.size(), 1u);
  EXPECT_EQ(summary.files[0].samples, 10);
  EXPECT_EQ(summary.files[0].bytes, std::filesystem::file_size(out("set.rec")));
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{6, 4}));
}

TEST_F(Pack, WritesTheGoldenBytes) {
  test::write_file(options_.root / "a/only.png", read_bytes("tests/golden/two_by_two.png"));
  pack(options_);
  EXPECT_EQ(read_bytes(out("set.rec")), read_bytes("tests/golden/two_by_two.rec"));
  EXPECT_EQ(text("set.idx"), "0\t0\n");
  EXPECT_EQ(text("set.lst"), "0\t0.000000\ta/only.png\n");
}

TEST_F(Pack, SortsClassesByTheirBytesAndKeepsTheirNames) {
  for (const char* name : {"002.Afghan", "10.Last", "001.Affenpinscher", "b", "B", "\xC3\xA9t\xC3\xA9"})
    add_class(name, 1);
  EXPECT_EQ(pack(options_).classes,
            (Names{"001.Affenpinscher", "002.Afghan", "10.Last", "B", "b", "\xC3\xA9t\xC3\xA9"}));
}

TEST_F(Pack, CountsWhatLiesBelowAClassFolderAsThatClass) {
  add_class("cat/young", 2);
  add_class("cat/old", 1);
  add_class("dog", 1);
  EXPECT_EQ(pack(options_).classes, (Names{"cat", "dog"}));
}

TEST_F(Pack, TakesEveryFolderForAClassAsIm2recDoes) {
  add_class("cat/young", 2);
  add_class("cat/old", 1);
  add_class("", 1);
  options_.every_folder_a_class = true;
  EXPECT_EQ(pack(options_).classes, (Names{".", "cat/old", "cat/young"}));
}

TEST_F(Pack, ListsForeignFilesAndLeavesHiddenOnes) {
  add_class("cat", 2);
  test::write_file(options_.root / "cat/notes.txt", std::string("text"));
  test::write_file(options_.root / "cat/.hidden.png", std::string("text"));
  test::write_picture(options_.root / "stray.png", 4, 4, 1);
  const auto summary = pack(options_);
  ASSERT_EQ(summary.foreign.size(), 2u);
  test::expect_contains(summary.foreign[0], "stray.png: a picture outside");
  test::expect_contains(summary.foreign[1], "notes.txt");
  EXPECT_EQ(summary.files[0].samples, 2);
}

TEST_F(Pack, NamesEmptyFoldersDeadLinksAndNamesThatNoListCanHold) {
  add_class("cat", 2);
  std::filesystem::create_directories(options_.root / "dog");
  std::filesystem::create_symlink("nowhere", options_.root / "cat/dead.png");
  test::write_picture(options_.root / "cat/two\nlines.png", 4, 4, 1);
  const auto summary = pack(options_);
  ASSERT_EQ(summary.foreign.size(), 3u);
  test::expect_contains(summary.foreign[0], "cat/two\\nlines.png: a TAB or line end in the name");
  test::expect_contains(summary.foreign[1], "cat/dead.png: a link that leads nowhere");
  test::expect_contains(summary.foreign[2], "dog: a folder without a picture, which is no class");
  EXPECT_EQ(summary.classes, Names{"cat"});
}

TEST_F(Pack, FollowsLinksButNotInCircles) {
  add_class("cat", 2);
  std::filesystem::create_directory_symlink(options_.root / "cat", options_.root / "tom");
  EXPECT_EQ(pack(options_).classes, (Names{"cat", "tom"}));
  std::filesystem::create_directory_symlink(options_.root, options_.root / "cat/again");
  test::expect_contains(data_error(), "cat/again is a link to a folder around it");
}

TEST_F(Pack, GivesAllSplitsTheLabelsOfTrain) {
  for (const char* name : {"train/ant", "train/bee", "train/cow", "valid/bee", "test/cow"}) add_class(name, 2);
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, (Names{"ant", "bee", "cow"}));
  EXPECT_EQ(names_in(folder_ / "out"),
            (Names{"set.classes", "set_test.idx", "set_test.lst", "set_test.rec", "set_train.idx", "set_train.lst",
                   "set_train.rec", "set_val.idx", "set_val.lst", "set_val.rec"}));
  EXPECT_EQ(records_of(out("set_val.rec"))[0].labels, std::vector<float>{1});
  EXPECT_EQ(records_of(out("set_test.rec"))[0].labels, std::vector<float>{2});
  EXPECT_EQ(summary.files[1].class_counts, (std::vector<int64_t>{0, 2, 0}));
}

TEST_F(Pack, RefusesAClassThatTrainDoesNotKnow) {
  for (const char* name : {"train/ant", "val/amt"}) add_class(name, 1);
  test::expect_contains(data_error(), "no class is called \"amt\"; did you mean \"ant\"?");
}

TEST_F(Pack, RefusesTwoValidationSplits) {
  for (const char* name : {"train/a", "val/a", "valid/a"}) add_class(name, 1);
  test::expect_contains(usage_error(), "both valid and val");
}

TEST_F(Pack, TakesLabelsFromAClassesFile) {
  add_class("cat", 1);
  test::write_file(folder_ / "names", std::string("dog\ncat\nbird\n"));
  options_.classes = folder_ / "names";
  const auto summary = pack(options_);
  EXPECT_EQ(records_of(out("set.rec"))[0].labels, std::vector<float>{1});
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{0, 1, 0}));
  add_class("cow", 1);
  test::expect_contains(data_error(), "no class is called \"cow\"");
}

TEST_F(Pack, SplitsEachClassInProportion) {
  add_class("a", 20);
  add_class("b", 10);
  add_class("c", 1);
  options_.split = {0.8, 0.1};
  const auto summary = pack(options_);
  ASSERT_EQ(summary.files.size(), 3u);
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{16, 8, 1}));
  EXPECT_EQ(summary.files[1].class_counts, (std::vector<int64_t>{2, 1, 0}));
  EXPECT_EQ(summary.files[2].class_counts, (std::vector<int64_t>{2, 1, 0}));
  EXPECT_EQ(summary.files[1].records.filename(), "set_val.rec");
}

TEST_F(Pack, GivesTheRestOfOneShareToValidation) {
  add_class("a", 10);
  options_.split = {0.8};
  options_.shuffle = false;
  pack(options_);
  EXPECT_EQ(records_of(out("set_train.rec")).size(), 8u);
  EXPECT_EQ(records_of(out("set_val.rec")).size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(out("set_test.rec")));
  const auto list = record::read_list(out("set_train.lst"));
  EXPECT_TRUE(std::ranges::is_sorted(list.entries, {}, &record::ListEntry::index))
      << "--no-shuffle keeps the order, not the choice";
  EXPECT_NE(list.entries.back().index, 7u) << "the choice is random all the same";
}

TEST_F(Pack, CutsShardsThatDifferByOnePicture) {
  add_class("a", 7);
  options_.shards = 3;
  const auto summary = pack(options_);
  ASSERT_EQ(summary.files.size(), 3u);
  EXPECT_EQ(summary.files[2].records.filename(), "set-00002-of-00003.rec");
  size_t total = 0;
  for (const auto& file : summary.files) {
    EXPECT_GE(file.samples, 2);
    EXPECT_LE(file.samples, 3);
    total += records_of(file.records).size();
  }
  EXPECT_EQ(total, 7u);
  options_.shards = 8;
  test::expect_contains(usage_error(), "--shards 8");
}

TEST_F(Pack, CutsChunksAndRatiosAsIm2recDoes) {
  add_class("a", 11);
  options_.list_only = true;
  options_.chunks = 2;
  options_.train_ratio = 0.5;
  options_.test_ratio = 0.2;
  pack(options_);
  EXPECT_EQ(names_in(folder_ / "out"), (Names{"set.classes", "set_0_test.lst", "set_0_train.lst", "set_0_val.lst",
                                              "set_1_test.lst", "set_1_train.lst", "set_1_val.lst"}));
  const auto size = [&](const char* name) { return record::read_list(out(name)).entries.size(); };
  EXPECT_EQ(size("set_0_test.lst"), 1u);
  EXPECT_EQ(size("set_0_train.lst"), 3u);
  EXPECT_EQ(size("set_0_val.lst"), 2u);
  EXPECT_EQ(size("set_1_val.lst"), 1u);
}

TEST_F(Pack, PacksAListInItsOrder) {
  add_class("cat", 2);
  add_class("dog", 1);
  test::write_file(folder_ / "my.lst", std::string("7\t1\tdog/0.png\n3\t0\tcat/1.png\n"));
  options_.from_list = folder_ / "my.lst";
  const auto summary = pack(options_);
  EXPECT_EQ(text("set.lst"), "7\t1.000000\tdog/0.png\n3\t0.000000\tcat/1.png\n");
  EXPECT_EQ(summary.classes, (Names{"cat", "dog"})) << "each label has its folder";
  const auto records = records_of(out("set.rec"));
  EXPECT_EQ(records[0].id, 7u);
  EXPECT_EQ(records[1].labels, std::vector<float>{0});
}

TEST_F(Pack, PacksAllColumnsOfAMultiLabelList) {
  add_class("x", 2);
  test::write_file(folder_ / "my.lst", std::string("0\t1\t0\t1\tx/0.png\n1\t0\t1\t0\tx/1.png\n"));
  options_.from_list = folder_ / "my.lst";
  const auto summary = pack(options_);
  EXPECT_EQ(records_of(out("set.rec"))[0].labels, (std::vector<float>{1, 0, 1}));
  EXPECT_EQ(summary.classes, (Names{"0", "1", "2"}));
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{1, 1, 1}));
}

TEST_F(Pack, SpreadsClassIdsToColumns) {
  add_class("x", 2);
  test::write_file(folder_ / "my.lst", std::string("0\t0,2\tx/0.png\n1\t3\tx/1.png\n"));
  options_.from_list = folder_ / "my.lst";
  pack(options_);
  const auto records = records_of(out("set.rec"));
  EXPECT_EQ(records[0].labels, (std::vector<float>{1, 0, 1, 0}));
  EXPECT_EQ(records[1].labels, (std::vector<float>{0, 0, 0, 1}));
}

TEST_F(Pack, RefusesAListWithUnequalColumns) {
  add_class("x", 2);
  test::write_file(folder_ / "my.lst", std::string("0\t1\t0\tx/0.png\n1\t0\tx/1.png\n"));
  options_.from_list = folder_ / "my.lst";
  test::expect_contains(data_error(), "x/1.png (index 1) has 1 labels, the first picture 2");
}

TEST_F(Pack, ReadsLabelsOfACsv) {
  for (int i = 0; i < 3; ++i) test::write_picture(options_.root / cat(i, ".png"), 4, 4, 50 + i);
  test::write_file(folder_ / "labels.csv", std::string("file,sea,\"trees, palms\"\n0.png,1,0\n1.png,0,1\n2.png,1,1\n"));
  options_.labels = folder_ / "labels.csv";
  options_.shuffle = false;
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, (Names{"sea", "trees, palms"}));
  EXPECT_EQ(summary.files[0].class_counts, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(records_of(out("set.rec"))[1].labels, (std::vector<float>{0, 1}));
  test::write_file(folder_ / "labels.csv", std::string("file,sea,sky\n0.png,yes,1\n"));
  test::expect_contains(data_error(), "labels.csv:2: \"yes\" in column sea");
}

TEST_F(Pack, LeavesOutWhatCannotBeReadAndNamesIt) {
  add_class("cat", 3);
  test::write_file(options_.root / "cat/broken.png", std::string("no picture"));
  const auto summary = pack(options_);
  ASSERT_EQ(summary.unreadable.size(), 1u);
  test::expect_contains(summary.unreadable[0], (options_.root / "cat/broken.png").string());
  EXPECT_EQ(records_of(out("set.rec")).size(), 3u);
  EXPECT_EQ(text("set.lst").find("broken"), std::string::npos) << "list and records agree";
}

TEST_F(Pack, NamesPicturesOfAListThatAreMissing) {
  add_class("cat", 1);
  test::write_file(folder_ / "my.lst", std::string("0\t0\tcat/0.png\n1\t0\tcat/gone.png\n"));
  options_.from_list = folder_ / "my.lst";
  const auto summary = pack(options_);
  ASSERT_EQ(summary.unreadable.size(), 1u);
  test::expect_contains(summary.unreadable[0], "gone.png");
}

TEST_F(Pack, IsStrictWhenAsked) {
  add_class("cat", 3);
  test::write_file(options_.root / "cat/broken.png", std::string("no picture"));
  options_.strict = true;
  test::expect_contains(data_error(), "cat/broken.png");
  EXPECT_EQ(names_in(folder_ / "out"), (Names{"set.classes"})) << "nothing half written stays behind";
}

TEST_F(Pack, FailsWhenNoPictureCanBeRead) {
  test::write_file(options_.root / "cat/broken.png", std::string("no picture"));
  test::expect_contains(data_error(), "none of the 1 pictures can be read");
}

TEST_F(Pack, CropsThenResizesThenEncodes) {
  test::write_picture(options_.root / "a/wide.png", 40, 20, 1);
  test::write_picture(options_.root / "a/high.jpg", 20, 40, 2);
  options_.pass_through = false;
  options_.resize = 10;
  pack(options_);
  for (const auto& one : records_of(out("set.rec"))) {
    const auto header = image::probe(one.picture, 1 << 20);
    EXPECT_EQ(header.format, image::Format::kJpeg);
    EXPECT_EQ(header.width, one.id == 0 ? 10 : 20);
    EXPECT_EQ(header.height, one.id == 0 ? 20 : 10);
  }
  options_.center_crop = true;
  options_.encoding = ".png";
  pack(options_);
  for (const auto& one : records_of(out("set.rec"))) {
    const auto header = image::probe(one.picture, 1 << 20);
    EXPECT_EQ(header.format, image::Format::kPng);
    EXPECT_EQ(header.width, 10);
    EXPECT_EQ(header.height, 10);
  }
}

TEST_F(Pack, KeepsGreyGreyWhenColourIsUnchanged) {
  test::write_picture(options_.root / "a/grey.png", 8, 8, 1, 1);
  test::write_picture(options_.root / "a/grey.jpg", 8, 8, 1, 1);
  options_.pass_through = false;
  options_.colour = -1;
  options_.encoding = ".png";
  pack(options_);
  for (const auto& one : records_of(out("set.rec")))
    EXPECT_EQ(static_cast<int>(one.picture[25]), 0) << "PNG colour type";
}

TEST_F(Pack, GivesTheSameBytesWithAnyNumberOfThreads) {
  add_class("a", 40, ".jpg");
  options_.pass_through = false;
  options_.threads = 1;
  pack(options_);
  const auto one = read_bytes(out("set.rec"));
  options_.threads = 5;
  pack(options_);
  EXPECT_EQ(read_bytes(out("set.rec")), one);
}

TEST_F(Pack, PacksExistingListsAsIm2recsSecondStep) {
  add_class("a", 4);
  add_class("b", 4);
  options_.list_only = true;
  options_.train_ratio = 0.5;
  pack(options_);
  const auto list = text("set_train.lst");
  options_.list_only = false;
  options_.train_ratio = 1.0;
  options_.existing_lists = true;
  const auto summary = pack(options_);
  EXPECT_EQ(summary.classes, (Names{"a", "b"}));
  EXPECT_EQ(text("set_train.lst"), list);
  EXPECT_EQ(records_of(out("set_train.rec")).size(), 4u);
  EXPECT_EQ(records_of(out("set_val.rec")).size(), 4u);
}

TEST_F(Pack, SaysWhatIsWrongWithItsArguments) {
  test::expect_contains(usage_error(), "is no folder; expected is `lockstep pack FOLDER PREFIX`");
  std::filesystem::create_directories(options_.root);
  test::expect_contains(data_error(), "no pictures (.jpeg .jpg .png) in class folders");
  const auto with = [&](auto change, const char* part) {
    const PackOptions before = options_;
    change(options_);
    test::expect_contains(usage_error(), part);
    options_ = before;
  };
  with([&](PackOptions& o) { o.prefix = folder_.path(); }, "PREFIX is the beginning of file names");
  with([](PackOptions& o) { o.encoding = ".gif"; }, "--encoding .gif");
  with([](PackOptions& o) { o.quality = 0; }, "--quality 0");
  with([](PackOptions& o) { o.colour = 2; }, "--color 2");
  with([](PackOptions& o) { o.resize = -1; }, "--resize -1");
  with([](PackOptions& o) { o.split = {0.8, 0.3}; }, "--split");
  with([](PackOptions& o) { o.split = {0.8}, o.chunks = 2; }, "--split and --train-ratio or --chunks");
  with([](PackOptions& o) { o.shards = 0; }, "--shards 0");
  with([](PackOptions& o) { o.from_list = "a", o.labels = "b"; }, "--from-list and --labels");
}

TEST_F(Pack, SaysHowToPackPicturesWithoutClassFolders) {
  add_class("", 2);
  test::expect_contains(data_error(), "--from-list FILE.lst or --labels FILE.csv");
}

}  // namespace
}  // namespace lockstep::data

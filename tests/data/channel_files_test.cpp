#include "channel_files.h"

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "lockstep/data/pack.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Names = std::vector<std::string>;

class ChannelFiles : public testing::Test {
 protected:
  ChannelFiles() {
    for (const char* name : {"a_train-00000-of-00002.rec", "a_train-00001-of-00002.rec", "a_val.rec", ".hidden.rec"})
      toy::write_text(folder_ / name, "");
  }
  Names of(const std::string& name, bool may_lack_shards = false) {
    Names names;
    for (const Path file : files_of_path(folder_ / name, may_lack_shards)) names.push_back(file.filename().string());
    return names;
  }
  test::TempFolder folder_;
};

TEST_F(ChannelFiles, LeavesWhatExistsAndWhatIsUnknown) {
  for (const char* name : {"a_val.rec", "a_train-00001-of-00002.rec", "a_test.rec", "b*.rec", "nowhere"})
    EXPECT_EQ(of(name), Names{name});
  EXPECT_EQ(files_of_path(folder_.path(), false), Names{folder_.path().string()});
}

TEST_F(ChannelFiles, FindsTheShardsOfAPrefixInOrder) {
  for (const char* name : {"a_train", "a_train.rec", "a_train*.rec", "*_train-?000?-of-*"})
    EXPECT_EQ(of(name), (Names{"a_train-00000-of-00002.rec", "a_train-00001-of-00002.rec"})) << name;
  EXPECT_EQ(of("*.rec").size(), 3u) << "hidden files match no pattern";
}

TEST_F(ChannelFiles, NamesTheShardsThatAreMissing) {
  std::filesystem::remove(folder_ / "a_train-00000-of-00002.rec");
  const auto message = test::expect_error(ErrorKind::kData, [&] { of("a_train"); });
  test::expect_contains(message, "a_train: 1 of 2 shards are there; missing: a_train-00000-of-00002.rec");
  test::expect_error(ErrorKind::kData, [&] { files_of_path(folder_.path(), false); });
  EXPECT_EQ(of("a_train", true), Names{"a_train-00001-of-00002.rec"});
}

TEST_F(ChannelFiles, ReadShardsAsTheDatasetThatWasPacked) {
  const auto pictures = toy::make_pictures(23);
  toy::write_folder(folder_ / "pictures", pictures);
  PackOptions pack_options{.root = folder_ / "pictures", .prefix = folder_ / "packed/set"};
  pack_options.threads = 2;
  pack(pack_options);
  const auto whole = open_dataset(toy::options_for(folder_ / "packed/set.rec"));
  pack_options.shards = 4;
  pack_options.prefix = folder_ / "shards/set";
  const auto summary = pack(pack_options);
  for (const auto& file : summary.files) EXPECT_TRUE(file.samples == 5 || file.samples == 6);
  for (const char* path : {"shards/set", "shards", "shards/set.rec", "shards/set-*"}) {
    const auto shards = open_dataset(toy::options_for(folder_ / path));
    ASSERT_EQ(shards->size(), whole->size());
    EXPECT_EQ(shards->class_names(), whole->class_names());
    EXPECT_EQ(fingerprint(*shards), fingerprint(*whole)) << path;
  }
}

}  // namespace
}  // namespace lockstep::data

#include "lockstep/model/checkpoint.h"

#include <set>

#include <gtest/gtest.h>

#include "damage.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

checkpoint::Content content_of(float value) {
  const float values[] = {value, 2, 3};
  return {{float_array("arg:w", {3}, values), float_array("aux:m", {1}, values), float_array("moment0:w", {3}, values)},
          {{"state.json", "{\"step\": 1}"}, {"config.yaml", "run:\n"}}};
}

std::set<std::string> names_in(const Path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

using Names = std::set<std::string>;

TEST(Checkpoint, IsReadAsItWasSaved) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder / "checkpoints", 123, content_of(1), 3);
  EXPECT_EQ(path, folder / "checkpoints" / "step-000000123");
  EXPECT_EQ(names_in(path), (Names{"tensors.safetensors", "state.json", "config.yaml"}));
  const checkpoint::Content back = checkpoint::load(path);
  EXPECT_EQ(back.texts, content_of(1).texts);
  ASSERT_EQ(back.tensors.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back.tensors[i].name, content_of(1).tensors[i].name);
    EXPECT_EQ(back.tensors[i].data, content_of(1).tensors[i].data);
  }
}

TEST(Checkpoint, LatestNamesTheNewest) {
  const test::TempFolder folder;
  EXPECT_EQ(checkpoint::find_latest(folder / "nothing"), std::nullopt);
  EXPECT_EQ(checkpoint::find_latest(folder.path()), std::nullopt);
  checkpoint::save(folder.path(), 9, content_of(1), 5);
  checkpoint::save(folder.path(), 10, content_of(1), 5);
  EXPECT_EQ(read_text(folder / "latest"), "step-000000010\n");
  EXPECT_EQ(checkpoint::find_latest(folder.path()), folder / "step-000000010");
}

TEST(Checkpoint, HighestStepCountsWhenLatestIsLost) {
  const test::TempFolder folder;
  checkpoint::save(folder.path(), 9, content_of(1), 5);
  checkpoint::save(folder.path(), 1'000'000'000, content_of(1), 5);
  for (const char* text : {"step-000000077", "../../etc", "", "step-9"}) {
    test::write_file(folder / "latest", text);
    EXPECT_EQ(checkpoint::find_latest(folder.path()), folder / "step-1000000000") << text;
  }
  std::filesystem::remove(folder / "latest");
  EXPECT_EQ(checkpoint::find_latest(folder.path()), folder / "step-1000000000");
}

TEST(Checkpoint, KeepsTheNewestAndNeverNone) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 2, 3}) checkpoint::save(folder.path(), step, content_of(1), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000002", "step-000000003"}));
  checkpoint::save(folder.path(), 4, content_of(1), 0);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000004"}));
}

TEST(Checkpoint, JustSavedOneStaysEvenBehindOthers) {
  const test::TempFolder folder;
  checkpoint::save(folder.path(), 50, content_of(1), 1);
  checkpoint::save(folder.path(), 20, content_of(1), 1);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000020"}));
}

TEST(Checkpoint, SameStepIsReplaced) {
  const test::TempFolder folder;
  checkpoint::save(folder.path(), 5, content_of(1), 3);
  const Path path = checkpoint::save(folder.path(), 5, content_of(8), 3);
  EXPECT_EQ(to_floats(checkpoint::load(path).tensors[0])[0], 8);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000005"}));
}

TEST(Checkpoint, LeftoversOfACrashAreNoCheckpointsAndGo) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder / ".writing-step-000000099-1");
  std::filesystem::create_directory(folder / ".removing-step-000000098");
  EXPECT_EQ(checkpoint::find_latest(folder.path()), std::nullopt);
  checkpoint::save(folder.path(), 1, content_of(1), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000001"}));
}

TEST(Checkpoint, FailedSaveLeavesTheOnesBefore) {
  const test::TempFolder folder;
  checkpoint::save(folder.path(), 1, content_of(1), 1);
  checkpoint::Content broken = content_of(2);
  broken.tensors[2].data.pop_back();
  expect_error(ErrorKind::kBug, [&] { checkpoint::save(folder.path(), 2, broken, 1); });
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000001"}));
  checkpoint::load(*checkpoint::find_latest(folder.path()));
}

TEST(Checkpoint, FolderThatCannotBeMadeIsAnIoError) {
  const test::TempFolder folder;
  test::write_file(folder / "file", "x");
  expect_contains(expect_error(ErrorKind::kIo, [&] { checkpoint::save(folder / "file", 1, content_of(1), 1); }),
                  "file");
}

TEST(Checkpoint, RefusesNamesThatLeadOutOfIt) {
  const test::TempFolder folder;
  for (const char* name : {"../x", "a/b", "", "tensors.safetensors"}) {
    checkpoint::Content content = content_of(1);
    content.texts[name] = "";
    expect_error(ErrorKind::kBug, [&] { checkpoint::save(folder.path(), 1, content, 1); });
  }
}

TEST(Checkpoint, NoFlippedBitIsRead) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder.path(), 1, content_of(1), 1);
  const Path tensors = path / "tensors.safetensors";
  const std::string whole = read_text(tensors);
  EXPECT_EQ(test::flip_bits(whole, 5,
                            [&](const std::string& text) {
                              test::write_file(tensors, text);
                              checkpoint::load(path);
                            }),
            0u);
}

TEST(Checkpoint, NamesTheTensorThatIsDamaged) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder.path(), 1, content_of(1), 1);
  std::string text = read_text(path / "tensors.safetensors");
  text.back() = static_cast<char>(text.back() ^ 1);
  test::write_file(path / "tensors.safetensors", text);
  const std::string message = expect_error(ErrorKind::kData, [&] { checkpoint::load(path); });
  expect_contains(message, "moment0:w");
  expect_contains(message, "checksum");
}

TEST(Checkpoint, NamesTheFileThatIsDamagedOrMissing) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder.path(), 1, content_of(1), 1);
  test::write_file(path / "state.json", "{\"step\": 2}");
  expect_contains(expect_error(ErrorKind::kData, [&] { checkpoint::load(path); }), "state.json is damaged");
  std::filesystem::remove(path / "state.json");
  expect_contains(expect_error(ErrorKind::kData, [&] { checkpoint::load(path); }), "state.json is missing");
  std::filesystem::remove(path / "tensors.safetensors");
  expect_contains(expect_error(ErrorKind::kData, [&] { checkpoint::load(path); }), "no checkpoint");
}

}  // namespace
}  // namespace lockstep::model

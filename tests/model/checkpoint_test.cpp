#include "lockstep/model/checkpoint.h"

#include <chrono>
#include <set>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "damage.h"
#include "lockstep/model/mxnet.h"
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

/// The temporary name under which that process of this host writes.
std::string temporary_name(int64_t step, pid_t pid) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return cat(".writing-", checkpoint::name_of(step), "@", host, "@", pid);
}

/// A process id that nobody has any more.
pid_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(Checkpoint, IsReadAsItWasSaved) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder / "checkpoints", 123, content_of(1), 3);
  EXPECT_EQ(path, folder / "checkpoints" / "step-000000123");
  EXPECT_EQ(names_in(path), (Names{"tensors.safetensors", "state.json", "config.yaml", "SEAL"}));
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
  for (const char* text : {"step-000000077", "step-000000009", "../../etc", "", "step-9"}) {
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
  std::filesystem::create_directory(folder / temporary_name(99, ended_process()));
  std::filesystem::create_directory(folder / temporary_name(98, ::getpid()));
  std::filesystem::create_directory(folder / ".removing-step-000000098");
  test::write_file(folder / cat("latest.tmp-", ended_process()), "step-0000");
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
  for (const char* name : {"../x", "a/b", "", "tensors.safetensors", "SEAL", "a\nb"}) {
    checkpoint::Content content = content_of(1);
    content.texts[name] = "";
    expect_error(ErrorKind::kBug, [&] { checkpoint::save(folder.path(), 1, content, 1); });
  }
}

/// Flips every `stride`-th bit of each file of the folder; the checkpoint must never be read.
void expect_no_flipped_bit_is_read(const Path& path, size_t stride) {
  for (const std::string& name : names_in(path)) {
    const std::string whole = read_text(path / name);
    const size_t read = test::flip_bits(whole, stride, [&](const std::string& text) {
      test::write_file(path / name, text);
      checkpoint::load(path);
    });
    EXPECT_EQ(read, 0u) << name;
    test::write_file(path / name, whole);
  }
  checkpoint::load(path);
}

TEST(Checkpoint, NoFlippedBitOfAnyFileIsRead) {
  const test::TempFolder folder;
  expect_no_flipped_bit_is_read(checkpoint::save(folder.path(), 1, content_of(1), 1), 5);
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
  std::filesystem::remove(path / "SEAL");
  expect_contains(expect_error(ErrorKind::kData, [&] { checkpoint::load(path); }), "no checkpoint");
}

TEST(Checkpoint, BlanksBehindAHeaderAreSealedToo) {
  const test::TempFolder folder;
  checkpoint::Content content = content_of(1);
  Path tensors;
  std::string text;
  size_t end = 0;
  do {  // until the header's length asks for padding
    content.tensors[0].name += "w";
    tensors = checkpoint::save(folder.path(), 1, content, 1) / "tensors.safetensors";
    text = read_text(tensors);
    end = text.find("}}");
  } while (text.at(end + 2) != ' ');
  text[end + 2] = '\t';
  test::write_file(tensors, text);
  read_safetensors(tensors);
  expect_contains(expect_error(ErrorKind::kData, [&] { checkpoint::load(tensors.parent_path()); }),
                  "tensors.safetensors is damaged");
}

TEST(Checkpoint, TheNewestSoundOneIsTakenAndTheOthersAreNamed) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 2, 3}) checkpoint::save(folder.path(), step, content_of(float(step)), 3);
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoint::load_newest(folder.path(), notes)->path, folder / "step-000000003");
  EXPECT_TRUE(notes.empty());
  test::write_file(folder / "step-000000003" / "state.json", "{\"step\": 7}");
  const auto second = checkpoint::load_newest(folder.path(), notes);
  EXPECT_EQ(second->path, folder / "step-000000002");
  EXPECT_EQ(to_floats(second->content.tensors[0])[0], 2);
  ASSERT_EQ(notes.size(), 1u);
  expect_contains(notes[0], "step-000000003/state.json is damaged");

  for (const char* name : {"step-000000001", "step-000000002"})
    std::filesystem::remove(folder / name / "tensors.safetensors");
  const std::string message = expect_error(ErrorKind::kData, [&] { checkpoint::load_newest(folder.path(), notes); });
  for (const char* part : {"step-000000001", "step-000000002", "step-000000003", "is missing", "is damaged"})
    expect_contains(message, part);
}

TEST(Checkpoint, NoneIsNoError) {
  const test::TempFolder folder;
  std::vector<std::string> notes;
  EXPECT_FALSE(checkpoint::load_newest(folder.path(), notes));
  EXPECT_FALSE(checkpoint::load_newest(folder / "nothing", notes));
  EXPECT_TRUE(notes.empty());
}

TEST(Checkpoint, DamagedLatestIsNamedAndTheHighestStepTaken) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 3}) checkpoint::save(folder.path(), step, content_of(1), 3);
  std::string text = read_text(folder / "latest");
  text[4] = 'm';
  test::write_file(folder / "latest", text);
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoint::load_newest(folder.path(), notes)->path, folder / "step-000000003");
  ASSERT_EQ(notes.size(), 1u);
  expect_contains(notes[0], "latest is damaged");
}

TEST(Checkpoint, LatestThatNamesAnOlderOneCountsAndIsNoted) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 3}) checkpoint::save(folder.path(), step, content_of(1), 3);
  test::write_file(folder / "latest", "step-000000001\n");
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoint::load_newest(folder.path(), notes)->path, folder / "step-000000001");
  ASSERT_EQ(notes.size(), 1u);
  expect_contains(notes[0], "though step-000000003 is there");
}

TEST(Checkpoint, ProtectedStepStays) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 2, 3, 4}) checkpoint::save(folder.path(), step, content_of(1), 2, {1});
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000001", "step-000000003", "step-000000004"}));
  checkpoint::save(folder.path(), 5, content_of(1), 1, {4});
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000004", "step-000000005"}));
}

TEST(Checkpoint, DamagedOneCountsForNothing) {
  const test::TempFolder folder;
  for (const int64_t step : {1, 2}) checkpoint::save(folder.path(), step, content_of(1), 2);
  test::write_file(folder / "step-000000002" / "config.yaml", "");
  checkpoint::save(folder.path(), 3, content_of(1), 2);
  EXPECT_TRUE(names_in(folder.path()).contains("step-000000001")) << "the only sound one behind the new one";
  checkpoint::save(folder.path(), 4, content_of(1), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000003", "step-000000004"}));
}

TEST(Checkpoint, StepThatTheRunWentBackBehindIsTheOldest) {
  const test::TempFolder folder;
  for (const int64_t step : {10, 50}) checkpoint::save(folder.path(), step, content_of(1), 2);
  checkpoint::save(folder.path(), 20, content_of(1), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000010", "step-000000020"}));
}

TEST(Checkpoint, TemporaryFolderOfALiveProcessIsLeftAlone) {
  const test::TempFolder folder;
  const Path living = folder / temporary_name(7, ::getppid());
  const Path elsewhere = folder / ".writing-step-000000008@another-host@1";
  const Path long_ago = folder / ".writing-step-000000009@another-host@1";
  for (const Path& path : {living, elsewhere, long_ago}) std::filesystem::create_directory(path);
  using std::filesystem::last_write_time;
  last_write_time(long_ago, last_write_time(long_ago) - std::chrono::hours(2));
  checkpoint::save(folder.path(), 1, content_of(1), 1);
  EXPECT_TRUE(std::filesystem::exists(living));
  EXPECT_TRUE(std::filesystem::exists(elsewhere));
  EXPECT_FALSE(std::filesystem::exists(long_ago));
}

TEST(Checkpoint, OneThatWasSetAsideIsFoundAndPutBack) {
  const test::TempFolder folder;
  const Path path = checkpoint::save(folder.path(), 5, content_of(5), 2);
  std::filesystem::rename(path, folder / ".replaced-step-000000005");
  EXPECT_EQ(checkpoint::find_latest(folder.path()), folder / ".replaced-step-000000005");
  std::vector<std::string> notes;
  EXPECT_EQ(to_floats(checkpoint::load_newest(folder.path(), notes)->content.tensors[0])[0], 5);
  checkpoint::save(folder.path(), 6, content_of(6), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"latest", "step-000000005", "step-000000006"}));
}

TEST(Checkpoint, ErrorSaysWhatIsStillThere) {
  const test::TempFolder folder;
  checkpoint::save(folder.path(), 1, content_of(1), 1);
  checkpoint::Content broken = content_of(2);
  broken.tensors[2].data.pop_back();
  expect_contains(expect_error(ErrorKind::kBug, [&] { checkpoint::save(folder.path(), 2, broken, 1); }),
                  "step-000000001 is there and stays");
}

}  // namespace
}  // namespace lockstep::model

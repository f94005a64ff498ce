#include <filesystem>
#include <random>

#include "checkpoint_of.h"
#include "disk.h"
#include "driver.h"
#include "support/temp_folder.h"

namespace lockstep::test {
namespace {

namespace fs = std::filesystem;
using Survives = std::function<bool(bool is_file)>;

/// Saves, one after the other, onto a disk that was empty, and what reached the disk until each one ended.
struct Recording {
  explicit Recording(const Environment& always = {}) {
    Environment environment = always;
    environment["FAULT_FOLDER"] = disk;
    environment["FAULT_LOG"] = temporary / "log";
    fs::create_directory(disk);
    for (const Save& save : saves) {
      EXPECT_EQ(run_driver(save, environment, temporary / "message").code, 0);
      lines = split(trim(read_text(temporary / "log")), '\n');
      ends.push_back(lines.size());
    }
  }
  const TempFolder temporary;
  const Path disk = temporary / "disk", folder = disk / "run" / "checkpoints";
  // The third one deletes the first, the fourth replaces the third, the fifth goes on.
  const std::vector<Save> saves{{folder, 1, 10}, {folder, 2, 20}, {folder, 3, 30}, {folder, 3, 31}, {folder, 4, 40}};
  std::vector<std::string> lines;
  std::vector<size_t> ends;  // lines until the n-th save returned
};

/// The values that a start may find after `count` lines: that of the last save that returned, or of the next one. -1:
/// no checkpoint.
std::vector<int64_t> allowed(const Recording& recording, size_t count) {
  std::vector<int64_t> values{-1};
  for (size_t i = 0; i < recording.saves.size(); ++i) {
    values.push_back(recording.saves[i].value);
    if (recording.ends[i] > count) break;
  }
  return {values.end() - 2 - (recording.ends.back() <= count ? -1 : 0), values.end()};
}

/// Power fails after each prefix of what was recorded. Returns the number of restarts that were right.
int lose_power_everywhere(const Recording& recording, const std::vector<Survives>& ways, bool then_save) {
  int restarts = 0;
  Disk disk(recording.disk);
  const Path restarted = recording.temporary / "restarted", checkpoints = restarted / "run" / "checkpoints";
  for (size_t count = 0; count <= recording.lines.size(); ++count) {
    if (count > 0) disk.apply(recording.lines[count - 1]);
    for (const Survives& survives : ways) {
      SCOPED_TRACE(cat("after ", count, " calls, the last one ", count > 0 ? recording.lines[count - 1] : ""));
      fs::remove_all(restarted);
      disk.restart(restarted, survives);
      std::vector<std::string> notes;
      const auto loaded = model::checkpoint::load_newest(checkpoints, notes);
      const int64_t value = loaded ? value_of(loaded->content).value_or(-2) : -1;
      const std::vector<int64_t> right = allowed(recording, count);
      EXPECT_NE(std::find(right.begin(), right.end(), value), right.end()) << value << " " << join(notes, "; ");
      EXPECT_TRUE(notes.empty() || !notes[0].starts_with("a checkpoint")) << "no half one looks complete: " << notes[0];
      if (then_save) {
        const Environment environment{{"FAULT_FOLDER", restarted}};
        EXPECT_EQ(run_driver({checkpoints, 9, 90}, environment, recording.temporary / "message").code, 0);
        EXPECT_EQ(value_of(model::checkpoint::load_newest(checkpoints, notes)->content), 90);
      }
      if (testing::Test::HasFailure()) return restarts;
      ++restarts;
    }
  }
  return restarts;
}

const std::vector<Survives> kExtremes{[](bool) { return true; },              // a crash of the process alone
                                      [](bool) { return false; },             // nothing but what was synced
                                      [](bool is_file) { return !is_file; },  // names, but not the bytes
                                      [](bool is_file) { return is_file; }};  // bytes, but not the names

TEST(PowerLoss, EveryPrefixOfASaveLeavesAValidCheckpoint) {
  const Recording recording;
  EXPECT_GT(lose_power_everywhere(recording, kExtremes, false), 500);
}

TEST(PowerLoss, EveryPrefixWithoutExchangeLeavesAValidCheckpoint) {
  const Recording recording(Environment{{"FAULT_NO_EXCHANGE", "1"}});
  EXPECT_GT(lose_power_everywhere(recording, kExtremes, false), 500);
}

TEST(PowerLoss, SlowAnyMixtureOfLostAndKeptIsRightAndTheRunGoesOn) {
  std::mt19937 random(7);  // NOLINT: the same every time
  const Survives either = [&](bool) { return random() % 2 == 0; };
  for (const Environment& always : {Environment{}, Environment{{"FAULT_NO_EXCHANGE", "1"}}}) {
    const Recording recording(always);
    int restarts = lose_power_everywhere(recording, kExtremes, true);
    restarts += lose_power_everywhere(recording, std::vector<Survives>(50, either), false);
    std::printf("%zu calls recorded, %d restarts\n", recording.lines.size(), restarts);
  }
}

}  // namespace
}  // namespace lockstep::test

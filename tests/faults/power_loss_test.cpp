#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <set>

#include "checkpoint_of.h"
#include "disk.h"
#include "driver.h"
#include "support/temp_folder.h"

namespace lockstep::test {
namespace {

namespace fs = std::filesystem;
using Survives = std::function<bool(bool is_file)>;

constexpr int64_t kNothing = -1, kInvalid = -2;  // where a checkpoint's value could be
const Environment kNoExchange{{"FAULT_NO_EXCHANGE", "1"}};

/// Saves, one after the other, onto a disk that was empty, and all that they did to it.
class Recording {
 public:
  explicit Recording(const Environment& always = {}) : always_(always) {
    always_["FAULT_FOLDER"] = disk;
    always_["FAULT_LOG"] = temporary / "log";
    fs::create_directory(disk);
  }

  int save(int64_t step, int64_t value, const Environment& fault = {}) {
    Environment environment = always_;
    for (const auto& [name, text] : fault) environment[name] = text;
    const int code = run_driver({folder, step, value, 2}, environment, temporary / "message").code;
    lines = split(trim(read_text(temporary / "log")), '\n');
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("fault"); });
    saves_.push_back({value, lines.size(), code == 0});
    return code;
  }

  /// What a start may find after `count` lines: the last save that returned, or one that had begun after it.
  std::set<int64_t> allowed(size_t count) const {
    std::set<int64_t> values{kNothing};
    for (const Saved& saved : saves_) {
      if (saved.returned && saved.end <= count) values.clear();
      values.insert(saved.value);
      if (saved.end > count) break;
    }
    return values;
  }

  const TempFolder temporary;
  const Path disk = temporary / "disk", folder = disk / "run" / "checkpoints";
  std::vector<std::string> lines;

 private:
  struct Saved {
    int64_t value;
    size_t end;  // lines until then
    bool returned;
  };
  Environment always_;
  std::vector<Saved> saves_;
};

/// The third save deletes the first, the fourth replaces the third, the fifth goes on.
void record_five(Recording& recording) {
  const std::pair<int64_t, int64_t> steps_and_values[] = {{1, 10}, {2, 20}, {3, 30}, {3, 31}, {4, 40}};
  for (const auto& [step, value] : steps_and_values) EXPECT_EQ(recording.save(step, value), 0);
}

int64_t newest_value(const Path& folder) {
  std::vector<std::string> notes;
  const auto loaded = model::checkpoint::load_newest(folder, notes);
  return loaded ? value_of(loaded->content).value_or(kInvalid) : kNothing;
}

void expect_complete_ones_sound(const Path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.path().filename().string().starts_with("step-")) continue;
    EXPECT_NO_THROW(model::checkpoint::load(entry.path())) << entry.path();
  }
}

/// Power fails after each number of recorded calls from `begin` on, in each of these ways; perhaps with another save
/// after it. Returns how many restarts went well.
int lose_power(const Recording& recording, size_t begin, const std::vector<Survives>& ways, bool then_save = false) {
  int restarts = 0;
  Disk disk(recording.disk);
  const Path restarted = recording.temporary / "restarted", folder = restarted / "run" / "checkpoints";
  for (size_t count = 0; count <= recording.lines.size(); ++count) {
    if (count > 0) disk.apply(recording.lines[count - 1]);
    if (count < begin) continue;
    for (const Survives& survives : ways) {
      SCOPED_TRACE(cat("after call ", count, ": ", count > 0 ? recording.lines[count - 1] : "none"));
      fs::remove_all(restarted);
      disk.restart(restarted, survives);
      const int64_t value = newest_value(folder);
      EXPECT_TRUE(recording.allowed(count).contains(value)) << value;
      expect_complete_ones_sound(folder);
      if (then_save) {
        const Environment environment{{"FAULT_FOLDER", restarted}};
        EXPECT_EQ(run_driver({folder, 9, 90, 2}, environment, recording.temporary / "message").code, 0);
        EXPECT_EQ(newest_value(folder), 90);
      }
      if (testing::Test::HasFailure()) return restarts;
      ++restarts;
    }
  }
  return restarts;
}

const Survives kAll = [](bool) { return true; };  // as after a crash of the process alone
const Survives kSynced = [](bool) { return false; };
const Survives kNames = [](bool is_file) { return !is_file; };  // without the bytes
const Survives kBytes = [](bool is_file) { return is_file; };

std::vector<Survives> at_random(size_t ways) {
  return std::vector<Survives>(ways, [random = std::make_shared<std::mt19937>(7)](bool) { return (*random)() % 2; });
}

TEST(PowerLoss, EveryPrefixOfASaveLeavesAValidCheckpoint) {
  Recording recording;
  record_five(recording);
  const auto exchanges = [](const std::string& line) { return line.starts_with("exchange"); };
  EXPECT_EQ(std::count_if(recording.lines.begin(), recording.lines.end(), exchanges), 1);
  EXPECT_GT(lose_power(recording, 0, {kAll, kSynced, kNames, kBytes}), 500);
}

TEST(PowerLoss, EveryPrefixWithoutExchangeLeavesAValidCheckpoint) {
  Recording recording(kNoExchange);
  record_five(recording);
  EXPECT_GT(lose_power(recording, 0, {kAll, kSynced, kNames, kBytes}), 500);
}

TEST(PowerLoss, SlowAnyMixtureOfLostAndKeptIsRightAndTheRunGoesOn) {
  for (const Environment& always : {Environment{}, kNoExchange}) {
    Recording recording(always);
    record_five(recording);
    const int then_saved = lose_power(recording, 0, {kAll, kSynced, kNames, kBytes}, true);
    std::printf("%zu calls, %d restarts\n", recording.lines.size(),
                then_saved + lose_power(recording, 0, at_random(50)));
  }
}

TEST(PowerLoss, SlowAfterASaveThatDiedNothingIsLostEither) {
  for (const Environment& always : {Environment{}, kNoExchange}) {
    int restarts = 0;
    for (int k = 1;; ++k) {
      Recording recording(always);
      for (const int64_t step : {1, 2}) EXPECT_EQ(recording.save(step, 10 * step), 0);
      const size_t begin = recording.lines.size();
      const int code = recording.save(2, 21, {{"FAULT_ERRNO", "kill"}, {"FAULT_AT", std::to_string(k)}});
      if (code == 0) break;
      EXPECT_EQ(code, 128 + SIGKILL);
      EXPECT_EQ(recording.save(3, 30), 0);
      restarts += lose_power(recording, begin, {kAll, kSynced, kNames, kBytes});
      restarts += lose_power(recording, begin, at_random(4));
      if (HasFailure()) return;
    }
    std::printf("%d restarts\n", restarts);
  }
}

}  // namespace
}  // namespace lockstep::test

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>

#include "checkpoint_of.h"
#include "driver.h"
#include "lockstep/core/error.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::test {
namespace {

namespace fs = std::filesystem;

/// The checkpoints of steps 1 and 2 with the values 10 and 20, and one more save on top of them.
struct Scene {
  Scene(int64_t saved_step, Environment environment) : step(saved_step), always(std::move(environment)) {
    always["FAULT_FOLDER"] = disk;
    always["FAULT_LOG"] = log;
    for (const int64_t before : {1, 2}) EXPECT_EQ(save(before, 10 * before, {}).code, 0);
    fs::copy(disk, temporary / "copy", fs::copy_options::recursive);
  }
  void restore() {
    fs::remove_all(disk);
    fs::copy(temporary / "copy", disk, fs::copy_options::recursive);
    fs::remove(log);
  }
  Ending save(int64_t to_step, int64_t value, const Environment& fault) {
    Environment environment = always;
    for (const auto& [name, text] : fault) environment[name] = text;
    return run_driver({disk, to_step, value, 2}, environment, temporary / "message");
  }
  bool struck() const { return fs::exists(log) && read_text(log).find("fault\t") != std::string::npos; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(disk)) found.insert(entry.path().filename().string());
    return found;
  }

  const TempFolder temporary;
  const Path disk = temporary / "disk", log = temporary / "log";
  int64_t step;
  Environment always;
};

constexpr int64_t kOld = 20, kNew = 30;

/// What must hold after one save at which the disk failed.
void expect_old_or_new(const Scene& scene, const Ending& ending, const std::string& reason) {
  std::vector<std::string> notes;
  const auto loaded = model::checkpoint::load_newest(scene.disk, notes);
  ASSERT_TRUE(loaded);
  const auto value = value_of(loaded->content);
  ASSERT_TRUE(value == kOld || value == kNew) << "another checkpoint: " << loaded->path;
  EXPECT_TRUE(notes.empty() || !notes[0].starts_with("a checkpoint")) << "what is called complete is: " << notes[0];
  if (ending.code == 0) {
    EXPECT_EQ(value, kNew) << "it was said to be saved";
  } else if (ending.code != 128 + SIGKILL) {
    EXPECT_EQ(ending.code, exit_code(ErrorKind::kIo)) << ending.message;
    expect_contains(ending.message, reason);
    expect_contains(ending.message, scene.disk.string());
  }
}

/// Lets the k-th call fail for every k, and saves once more without a fault. Returns how many faults struck.
int fail_each_call(Scene& scene, Environment fault, const std::string& reason) {
  for (int k = 1;; ++k) {
    SCOPED_TRACE(cat("call ", k, ": ", reason));
    scene.restore();
    fault["FAULT_AT"] = std::to_string(k);
    const Ending ending = scene.save(scene.step, kNew, fault);
    if (!scene.struck()) return k - 1;
    expect_old_or_new(scene, ending, reason);
    // Behind an exchange that may not have reached the disk the old one stays, under the temporary name.
    const bool is_new_step = scene.step == 3;
    if (is_new_step && ending.code == exit_code(ErrorKind::kIo) && fault["FAULT_ERRNO"] == std::to_string(ENOSPC)) {
      for (const std::string& name : scene.names()) EXPECT_FALSE(name.starts_with(".writing-")) << ending.message;
    }
    EXPECT_EQ(scene.save(9, 90, {}).code, 0);
    for (const std::string& name : scene.names()) EXPECT_TRUE(name.starts_with("step-") || name == "latest") << name;
    if (testing::Test::HasFailure()) return k;
  }
}

int fail_each_call(Scene& scene, int reason, const Environment& how) {
  Environment fault = how;
  fault["FAULT_ERRNO"] = std::to_string(reason);
  return fail_each_call(scene, fault, std::strerror(reason));
}

TEST(Fault, AFailingCallLeavesTheOldCheckpointOrTheNewOne) {
  Scene scene(3, {});
  EXPECT_GT(fail_each_call(scene, EIO, {}), 30);
}

TEST(Fault, AFullDiskLeavesTheOldCheckpoint) {
  Scene scene(3, {});
  EXPECT_GT(fail_each_call(scene, ENOSPC, {{"FAULT_LASTS", "1"}, {"FAULT_SHORT", "1"}}), 20);
}

TEST(Fault, DeathAtAnyCallLeavesTheOldCheckpointOrTheNewOne) {
  Scene scene(3, {});
  EXPECT_GT(fail_each_call(scene, {{"FAULT_ERRNO", "kill"}}, "killed"), 30);
}

TEST(Fault, SlowEveryReasonAtEveryCallOfEverySave) {
  int struck = 0;
  for (const int64_t step : {3, 2})
    for (const Environment& always : {Environment{}, Environment{{"FAULT_NO_EXCHANGE", "1"}}}) {
      Scene scene(step, always);
      struck += fail_each_call(scene, {{"FAULT_ERRNO", "kill"}}, "killed");
      for (const int reason : {ENOSPC, EDQUOT, EIO, EROFS, EMFILE})
        for (const Environment& how : {Environment{}, Environment{{"FAULT_LASTS", "1"}}, {{"FAULT_SHORT", "1"}}})
          struck += fail_each_call(scene, reason, how);
    }
  std::printf("%d faults struck\n", struck);
  EXPECT_GT(struck, 2000);
}

TEST(Fault, TooLittleSpaceIsSaidBeforeAnythingIsWritten) {
  Scene scene(3, {});
  scene.restore();
  const Ending ending = scene.save(3, kNew, {{"FAULT_FREE", "4096"}});
  EXPECT_EQ(ending.code, exit_code(ErrorKind::kIo));
  for (const std::string& part : {scene.disk.string(), std::string("needs"), std::string("(4096 bytes) are free"),
                                  std::string("step-000000002 is there and stays")})
    expect_contains(ending.message, part);
  EXPECT_FALSE(fs::exists(scene.log)) << read_text(scene.log);
}

}  // namespace
}  // namespace lockstep::test

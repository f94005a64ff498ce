#include "saver.h"

#include <cmath>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

model::checkpoint::Content content_of(const std::string& text) {
  const std::vector<float> values(1000, 1.5f);
  return {.tensors = {model::float_array("arg:weight", {1000}, values.data())}, .texts = {{"state.json", text}}};
}

TEST(Saver, WritesWhatItWasGivenWhileTheCallerGoesOn) {
  const test::TempFolder folder;
  Saver saver(folder / "checkpoints", 2);
  EXPECT_FALSE(saver.finish().has_value());
  model::checkpoint::Content content = content_of("seven");
  saver.start(7, content, {});
  content.texts["state.json"] = "changed by the next step";
  EXPECT_TRUE(saver.is_under_way());
  const auto saved = saver.finish();
  ASSERT_TRUE(saved.has_value());
  EXPECT_EQ(saved->step, 7);
  EXPECT_GT(saved->seconds, 0);
  EXPECT_EQ(model::checkpoint::load(saved->path).texts.at("state.json"), "seven");
  EXPECT_FALSE(saver.poll().has_value()) << "each save is told of once";
}

/// Nobody can open the file until release(): a save that looks at an older checkpoint stops there.
class Held {
 public:
  explicit Held(const Path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    ::signal(SIGIO, SIG_IGN);  // what the system sends when somebody wants to open it
    held_ = ::fcntl(fd_, F_SETLEASE, F_WRLCK) == 0;
  }
  ~Held() { release(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  bool is_held() const { return held_; }
  void release() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  bool held_ = false;
};

TEST(Saver, StartReturnsBeforeTheCheckpointIsWritten) {
  const test::TempFolder folder;
  Held held(model::checkpoint::save(folder.path(), 1, content_of("one"), 2) / "SEAL");
  if (!held.is_held()) GTEST_SKIP() << "this file system has no leases";
  Saver saver(folder.path(), 2);
  saver.start(2, content_of("two"), {});
  EXPECT_TRUE(saver.is_under_way());
  EXPECT_FALSE(saver.poll().has_value()) << "it cannot have ended, and is not waited for";
  held.release();
  EXPECT_EQ(saver.finish()->step, 2);
}

TEST(Saver, WritesNothingThatIsNotFinite) {
  const test::TempFolder folder;
  Saver saver(folder / "checkpoints", 1);
  saver.start(1, content_of("one"), {});
  saver.finish();
  for (const float wrong : {NAN, INFINITY, -INFINITY}) {
    model::checkpoint::Content content = content_of("two");
    const float values[] = {1, wrong, 3};
    content.tensors.push_back(model::float_array("moment0:weight", {3}, values));
    saver.start(2, std::move(content), {});
    const std::string message = test::expect_error(ErrorKind::kData, [&] { saver.finish(); });
    test::expect_contains(message, "moment0:weight is not finite behind step 2");
  }
  EXPECT_EQ(*model::checkpoint::find_latest(folder / "checkpoints"),
            folder / "checkpoints" / model::checkpoint::name_of(1));
}

TEST(Saver, TellsOfAFailureAtTheNextQuestion) {
  const test::TempFolder folder;
  write_atomic(folder / "file", "no folder");
  Saver saver(folder / "file", 2);
  saver.start(7, content_of("seven"), {});
  test::expect_error(ErrorKind::kIo, [&] { saver.finish(); });
  EXPECT_FALSE(saver.is_under_way()) << "and is ready for the next one";
}

TEST(Saver, LogsAFailureThatNobodyAskedFor) {
  const test::TempFolder folder;
  write_atomic(folder / "file", "no folder");
  testing::internal::CaptureStderr();
  Saver(folder / "file", 2).start(7, content_of("seven"), {});
  test::expect_contains(testing::internal::GetCapturedStderr(), (folder / "file").string());
}

TEST(Saver, KeepsTheProtectedOne) {
  const test::TempFolder folder;
  Saver saver(folder / "checkpoints", 1);
  for (const int64_t step : {1, 2, 3, 4}) {
    saver.start(step, content_of(std::to_string(step)), {2});
    saver.finish();
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints" / model::checkpoint::name_of(2)));
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints" / model::checkpoint::name_of(4)));
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints" / model::checkpoint::name_of(3)));
}

}  // namespace
}  // namespace lockstep::train

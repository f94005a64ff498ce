#include <fstream>

#include <gtest/gtest.h>

#include "lockstep/core/file.h"
#include "lockstep/track/events.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::track {
namespace {

void write_file(const Path& path, const std::string& text) { std::ofstream(path) << text; }

TEST(EventLog, AppendsOneLineAnEvent) {
  const test::TempFolder folder;
  const Path path = folder / "metrics.jsonl";
  {
    EventLog log(path, 0);
    log.write(Event("step").set("step", 1));
    EXPECT_EQ(read_text(path), "{\"event\":\"step\",\"step\":1}\n") << "a line is in the file at once";
  }
  EventLog(path, 1).write(Event("step").set("step", 2));
  EXPECT_EQ(read_text(path), "{\"event\":\"step\",\"step\":1}\n{\"event\":\"step\",\"step\":2}\n");
}

TEST(EventLog, DropsTheStepsBeyondTheLastOne) {
  const test::TempFolder folder;
  const Path path = folder / "metrics.jsonl";
  write_file(path, "{\"event\":\"start\"}\n{\"step\":9}\n{\"step\":10}\n{\"step\":11}\n{\"event\":\"note\"}\n");
  EventLog(path, 10).write(Event().set("step", 11).set("again", true));
  EXPECT_EQ(read_text(path),
            "{\"event\":\"start\"}\n{\"step\":9}\n{\"step\":10}\n{\"event\":\"note\"}\n{\"step\":11,\"again\":true}\n");
}

TEST(EventLog, DropsWhatTheLastStepWillWriteAgain) {
  const test::TempFolder folder;
  const Path path = folder / "metrics.jsonl";
  const std::string kept = "{\"event\":\"validation\",\"step\":6}\n{\"event\":\"epoch\",\"step\":9}\n";
  write_file(path, kept + "{\"event\":\"validation\",\"step\":9}\n");
  EventLog(path, 9, "validation").write(Event("stop").set("step", 9));
  EXPECT_EQ(read_text(path), kept + "{\"event\":\"stop\",\"step\":9}\n");
}

TEST(EventLog, DropsALineTornByACrash) {
  const test::TempFolder folder;
  const Path path = folder / "metrics.jsonl";
  write_file(path, "{\"step\":1}\n{\"step\":2,\"lo");
  EventLog(path, 5).write(Event().set("step", 3));
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":3}\n");
}

TEST(EventLog, SurvivesAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  testing::internal::CaptureStderr();
  EventLog log("/dev/full", 0);
  log.write(Event("step"));
  log.write(Event("step"));
  const std::string said = testing::internal::GetCapturedStderr();
  test::expect_contains(said, "/dev/full");
  EXPECT_EQ(said.find("/dev/full"), said.rfind("/dev/full")) << "said once: " << said;
}

TEST(EventLog, NamesTheFileThatCannotBeOpened) {
  const test::TempFolder folder;
  const Path path = folder / "absent/metrics.jsonl";
  test::expect_contains(test::expect_error(ErrorKind::kIo, [&] { EventLog(path, 0); }), path.string());
}

}  // namespace
}  // namespace lockstep::track

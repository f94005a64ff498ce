#include "saver.h"

#include <gtest/gtest.h>

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

TEST(Saver, TellsOfAFailureAtTheNextQuestion) {
  const test::TempFolder folder;
  write_atomic(folder / "file", "no folder");
  Saver saver(folder / "file", 2);
  saver.start(7, content_of("seven"), {});
  test::expect_error(ErrorKind::kIo, [&] { saver.finish(); });
  EXPECT_FALSE(saver.is_under_way()) << "and is ready for the next one";
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

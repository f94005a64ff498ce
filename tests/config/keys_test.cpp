#include "keys.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "lockstep/config/load.h"
#include "support/expect_error.h"

namespace lockstep {
namespace {

const KeyRow& row(const std::string& name) {
  return *std::find_if(key_rows().begin(), key_rows().end(), [&](const KeyRow& each) { return each.name == name; });
}

TEST(KeyRows, SayWhatTheTableSays) {
  EXPECT_EQ(row("channels.train").type, "path");
  EXPECT_EQ(row("hyperparameters.learning_rate").type, "number");
  EXPECT_EQ(row("hyperparameters.learning_rate").initial, "0.1");
  EXPECT_EQ(row("hyperparameters.learning_rate").valid, "0..1");
  EXPECT_EQ(row("hyperparameters.image_shape").type, "C,H,W");
  EXPECT_EQ(row("hyperparameters.image_shape").initial, "3,224,224");
  EXPECT_EQ(row("hyperparameters.lr_scheduler_step").type, "list");
  EXPECT_EQ(row("hyperparameters.resize").type, "integer");
  EXPECT_EQ(row("hyperparameters.resize").initial, "");
  EXPECT_EQ(row("hyperparameters.multi_label").type, "true/false");
  EXPECT_EQ(row("hyperparameters.multi_label").initial, "false");
  EXPECT_EQ(row("run.output").type, "text");
  EXPECT_EQ(row("run.output").on_resume, OnResume::kHarmless);
  EXPECT_EQ(row("run.compute_threads").on_resume, OnResume::kWarned);
  EXPECT_EQ(row("run.seed").on_resume, OnResume::kRefused);
}

TEST(KeyRows, HaveAMeaningAndANameOfTheirOwn) {
  std::set<std::string> names;
  for (const KeyRow& each : key_rows()) {
    EXPECT_FALSE(each.meaning.empty()) << each.name;
    EXPECT_TRUE(names.insert(each.name.substr(each.name.find('.') + 1)).second)
        << each.name << " cannot be given on the command line by its last part";
  }
}

TEST(KeyRows, HaveDefaultsThatTheyAllow) {
  for (const KeyRow& each : key_rows()) {
    if (each.initial.empty()) continue;
    const std::string section = each.name.substr(0, each.name.find('.')), name = each.name.substr(section.size() + 1);
    EXPECT_NO_THROW(
        load_config_text("channels: {train: a}\n" + section + ": {" + name + ": \"" + each.initial + "\"}", "x"))
        << each.name;
  }
}

TEST(KeysHelp, NamesEveryKeyWithItsDefaultAndMeaning) {
  const std::string help = keys_help();
  for (const KeyRow& each : key_rows())
    test::expect_contains(help, "\n  " + each.name.substr(each.name.find('.') + 1) + "  (");
  test::expect_contains(help, "  learning_rate  (number 0..1; default 0.1)\n      initial learning rate\n");
}

TEST(FindKey, TakesAFullNameOrItsLastPart) {
  EXPECT_EQ(find_key("run.seed"), "run.seed");
  EXPECT_EQ(find_key("seed"), "run.seed");
  EXPECT_EQ(find_key("model"), "channels.model");
  EXPECT_EQ(find_key("hyperparameters.seed"), "");
  EXPECT_EQ(find_key("seeds"), "");
}

TEST(Differences, NameTheKeysInTheOrderOfTheTable) {
  const Config before = load_config_text("channels: {train: a.rec}", "x").config;
  Config after = before;
  EXPECT_TRUE(differences(before, after).empty());
  after.run.loader_threads = 8;
  after.hyperparameters.resize = 256;
  after.channels.train.content_type = "application/x-recordio";
  after.run.compute_threads = 2;
  const auto found = differences(before, after);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].key, "channels.train");
  EXPECT_EQ(found[0].before, "a.rec");
  EXPECT_EQ(found[0].after, "a.rec (content_type application/x-recordio)");
  EXPECT_EQ(found[1].key, "hyperparameters.resize");
  EXPECT_EQ(found[1].before, "unset");
  EXPECT_EQ(found[1].after, "256");
  EXPECT_EQ(found[1].on_resume, OnResume::kRefused);
  EXPECT_EQ(found[2].key, "run.compute_threads");
  EXPECT_EQ(found[2].on_resume, OnResume::kWarned);
  EXPECT_EQ(found[3].key, "run.loader_threads");
  EXPECT_EQ(found[3].on_resume, OnResume::kHarmless);
}

}  // namespace
}  // namespace lockstep

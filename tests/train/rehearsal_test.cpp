#include "rehearsal.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/ranks.h"
#include "support/temp_folder.h"
#include "support/toy_records.h"

namespace lockstep::train {
namespace {

class Rehearse : public testing::Test {
 protected:
  void SetUp() override {
    test::make_toy_records(folder_ / "train", 44, 4, 12);
    test::make_toy_records(folder_ / "val", 18, 4, 12);
  }

  LoadedConfig config(const std::string& run = "") const {
    return load_config_text(
        cat("channels:\n  train: ", (folder_ / "train.rec").string(),
            "\n  validation: ", (folder_ / "val.rec").string(),
            "\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", mini_batch_size: 12, epochs: 2}\n"
            "run:\n  output: ",
            (folder_ / "out").string(), "\n  device: cpu\n  compute_threads: 1\n  loader_threads: 1\n", run),
        "test.yaml");
  }

  Rehearsal rehearse_on(int ranks, int64_t batches, const LoadedConfig& loaded) const {
    Rehearsal leading;
    test::run_ranks(ranks, [&](comm::Communicator& communicator) {
      const Rehearsal mine = rehearse(loaded, batches, communicator);
      if (communicator.rank() == 0) leading = mine;
    });
    return leading;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path()))
      names.push_back(file.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TempFolder folder_;
};

TEST_F(Rehearse, TellsWhatARunWouldTakeAndLeavesNothingBehind) {
  const auto before = files();
  const Rehearsal rehearsal = rehearse_on(2, 6, config());  // 4 steps an epoch
  EXPECT_EQ(files(), before);
  EXPECT_EQ(rehearsal.batches, 6);
  EXPECT_EQ(rehearsal.global_batch, 12);
  EXPECT_EQ(rehearsal.ranks, 2);
  EXPECT_EQ(rehearsal.evaluated, 18);
  EXPECT_GT(rehearsal.step, 0);
  EXPECT_NEAR(rehearsal.images_per_second * rehearsal.step, 12, 1e-6);
  EXPECT_GE(rehearsal.first_step, rehearsal.step / 10);
  EXPECT_NEAR(rehearsal.run, 2 * (4 * rehearsal.step + rehearsal.evaluation + rehearsal.snapshot), 1e-9);
  EXPECT_GT(rehearsal.checkpoint_bytes, 2 * 4 * 270'000) << "weights and momentum of ResNet-20";
  EXPECT_GT(rehearsal.save, 0);
  EXPECT_GT(rehearsal.memory_bytes, 50'000'000);
  test::expect_contains(summary_text(rehearsal), "the run would take about ");
}

TEST_F(Rehearse, ReadsBackAveragesAndMomentsOfEveryKind) {
  rehearse_on(2, 3, config("  ema_decay: 0.9\n"));
  LoadedConfig adam = config();
  adam.config.hyperparameters.optimizer = "adam";
  adam.config.hyperparameters.learning_rate = 0.001;
  EXPECT_GT(rehearse_on(1, 1, adam).checkpoint_bytes, 3 * 4 * 270'000);
}

TEST_F(Rehearse, LeavesARunAsItIs) {
  std::filesystem::create_directories(folder_ / "out" / "checkpoints");
  write_atomic(folder_ / "out" / "summary.json", "{}");
  rehearse_on(1, 2, config("  resume: never\n"));
  EXPECT_EQ(read_text(folder_ / "out" / "summary.json"), "{}");
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "out" / "checkpoints"));
}

TEST_F(Rehearse, EndsAsTheRunWouldWhereTheDiskFails) {
  LoadedConfig loaded = config();
  write_atomic(folder_ / "file", "no folder");
  loaded.config.run.output = (folder_ / "file" / "out").string();
  test::expect_error(ErrorKind::kIo, [&] { rehearse_on(2, 1, loaded); });
}

TEST_F(Rehearse, AsksForAnOutputFolder) {
  LoadedConfig loaded = config();
  loaded.config.run.output.clear();
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { rehearse_on(1, 1, loaded); }), "run.output");
}

}  // namespace
}  // namespace lockstep::train

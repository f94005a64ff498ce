#include "trainer.h"

#include "support/expect_error.h"
#include "toy_run.h"

namespace lockstep::train {
namespace {

class Training : public ToyRun {
 protected:
  /// Trains on so many ranks what `change` has made of each rank's job.
  void train_changed(const std::string& text, int ranks, const std::function<void(Job&)>& change) const {
    const LoadedConfig loaded = load_config_text(text, "test.yaml");
    std::filesystem::create_directories(loaded.config.run.output);
    test::run_ranks(ranks, [&](comm::Communicator& communicator) {
      StopWish wish(loaded.config.run);
      Job job = prepare(loaded, communicator);
      change(job);
      Trainer(job, wish, communicator).run();
    });
  }
};

/// An evaluation would meet weights that are of no use before the next step does.
std::string without_validation(std::string text) {
  const size_t begin = text.find("  validation:");
  return text.erase(begin, text.find('\n', begin) + 1 - begin);
}

/// A loss scale as float16 has it, on a processor that computes in 32 bits.
void add_scale(Job& job, double scale) {
  job.learner.scaler.emplace(job.learner.network->parameters());
  job.learner.scaler->restore({.scale = scale});
}

TEST_F(Training, SkipsStepsUntilTheLossScaleFitsAndCountsThem) {
  train_changed(config("out"), 2, [](Job& job) { add_scale(job, INFINITY); });
  const auto epochs = events("out", "epoch");
  EXPECT_GE(epochs.at(1)["skipped_steps"], 1);
  EXPECT_LT(epochs.at(1)["skipped_steps"], 8);
  EXPECT_EQ(epochs[1]["loss_scale"], 1 << 24);
  EXPECT_TRUE(all_finite(weights("out")));
}

// Weights so large that no gradient is finite, whatever the scale.
TEST_F(Training, GivesUpAfterTwentySkippedStepsInARow) {
  std::string text = without_validation(config("out", "", "  checkpoint_every_steps: 5\n"));
  text.replace(text.find("mini_batch_size: 12"), 19, "mini_batch_size: 2 ");
  const std::string message = test::expect_error(ErrorKind::kData, [&] {
    train_changed(text, 2, [](Job& job) {
      job.learner.network->parameters().fill_(1e30);
      add_scale(job, optim::LossScaler::kInitial);
    });
  });
  test::expect_contains(message, "of step 20 ");
  test::expect_contains(message, "is not finite for the 20th time in a row");
  const auto kept = weights("out");
  EXPECT_TRUE(all_finite(kept)) << "no skipped step has touched them";
  EXPECT_EQ(model::to_floats(*model::find_array(kept, "arg:fc1_weight"))[0], 1e30f);
}

// A finite gradient may make weights that are not: those must not become the last checkpoint.
TEST_F(Training, KeepsFiniteCheckpointsWhenTheRunDiverges) {
  // A decay that turns every weight around and makes it larger.
  std::string text = config("out", "  weight_decay: 1\n", "  checkpoint_every_steps: 1\n  learning_rate_batch: 1\n");
  text.replace(text.find("learning_rate: 0.05"), 19, "learning_rate: 1   ");
  text = with_epochs(without_validation(text), 60);
  const std::string message = test::expect_error(ErrorKind::kData, [&] { train(text, 2); });
  test::expect_contains(message, "not finite");
  ASSERT_GT(events("out", "step").size(), 1u) << "it was finite at first";
  EXPECT_TRUE(all_finite(weights("out")));
}

TEST_F(Training, NamesTheRankOfAFlippedBit) {
  const std::string text = config("out", "", "  verify_every: 3\n");
  const std::string message = test::expect_error(ErrorKind::kComm, [&] {
    train_changed(text, 3, [](Job& job) {
      auto* const weights = reinterpret_cast<uint32_t*>(job.learner.network->parameters().data_ptr<float>());
      if (job.launch.rank == 1) weights[4711] ^= 1u << 20;
    });
  });
  test::expect_contains(message, "the weights behind step 3 differ between the ranks: those of rank 1 (");
}

TEST_F(Training, StopsWhenTheMachineWillBeTakenAway) {
  write_atomic(folder_ / "notice", "");
  const std::string notice = cat("  preemption_notice: ", (folder_ / "notice").string(), "\n");
  EXPECT_EQ(train(with_epochs(config("out", "", notice), 1000), 2), 75);
  EXPECT_EQ(events("out", "stop").back()["reason"], "run.preemption_notice");
}

TEST_F(Training, LeavesAnArchiveOfTheModelWhenItStops) {
  EXPECT_EQ(train(config("out", "", "  time_limit: 10s\n"), 2), 75);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "model")) << "no epoch was the best yet";
  const auto stopped = model::read_artefact(folder_ / "out" / "model.tar.gz");
  EXPECT_EQ(model::to_floats(*model::find_array(stopped.arrays, "arg:fc1_weight")),
            model::to_floats(*model::find_array(weights("out"), "arg:fc1_weight")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "model.unfinished"));
  train(config("out"), 2);
  train(config("whole"), 2);
  EXPECT_EQ(read_text(folder_ / "out" / "model.tar.gz"), read_text(folder_ / "whole" / "model.tar.gz"));
}

TEST_F(Training, StopsWithACheckpointThoughTheArchiveCannotBeWritten) {
  std::filesystem::create_directories(folder_ / "out" / "model.tar.gz" / "in the way");
  EXPECT_EQ(train(config("out", "", "  time_limit: 10s\n"), 2), 75);
  EXPECT_EQ(events("out", "stop").size(), 1u);
}

TEST_F(Training, DoesNotCallItselfStoppedWithoutACheckpoint) {
  std::filesystem::create_directories(folder_ / "out");
  write_atomic(folder_ / "out" / "checkpoints", "a file where the folder should be");
  const std::string message = test::expect_error(
      ErrorKind::kIo, [&] { train(config("out", "", "  time_limit: 10s\n  on_save_error: continue\n"), 2); });
  test::expect_contains(message, "its last steps could not be saved");
}

/// The steps that checkpoints were written behind.
std::vector<int64_t> steps_of(const std::vector<nlohmann::json>& checkpoints) {
  std::vector<int64_t> steps;
  for (const auto& event : checkpoints) steps.push_back(event["step"]);
  return steps;
}

TEST_F(Training, WritesCheckpointsByStepsMinutesAndEpochs) {
  const auto saved = [&](const std::string& output, const std::string& every) {
    train(with_epochs(config(output, "", every), 3));
    return steps_of(events(output, "checkpoint"));
  };
  EXPECT_EQ(saved("epochs", ""), (std::vector<int64_t>{4, 8, 12}));
  EXPECT_EQ(saved("second", "  checkpoint_every_epochs: 2\n"), (std::vector<int64_t>{8, 12}));
  EXPECT_EQ(saved("steps", "  checkpoint_every_steps: 3\n"), (std::vector<int64_t>{3, 4, 6, 8, 9, 12}));
  EXPECT_EQ(saved("minutes", "  checkpoint_every_minutes: 0.00000001\n"),
            (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  for (const auto& event : events("steps", "checkpoint")) EXPECT_GT(event["seconds_stalled"].get<double>(), 0);
}

}  // namespace
}  // namespace lockstep::train

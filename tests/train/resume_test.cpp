#include "resume.h"

#include "support/expect_error.h"
#include "toy_run.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;

class Resumed : public ToyRun {
 protected:
  Path checkpoint(const std::string& output, int64_t step) const {
    return folder_ / output / "checkpoints" / model::checkpoint::name_of(step);
  }

  /// metrics.jsonl without what the clock says and where the start ended, a line an event.
  std::vector<std::string> story(const std::string& output) const {
    std::vector<std::string> lines;
    for (const std::string& line : split(read_text(folder_ / output / "metrics.jsonl"), '\n')) {
      if (line.empty()) continue;
      auto event = nlohmann::ordered_json::parse(line);
      if (event["event"] == "checkpoint" || event["event"] == "stop") continue;
      nlohmann::ordered_json kept;
      for (const auto& [key, value] : event.items())
        if (key.find("second") == std::string::npos && key != "exchange_hidden" && key != "bound") kept[key] = value;
      lines.push_back(kept.dump());
    }
    return lines;
  }

  /// model/ and model.tar.gz, byte by byte.
  std::map<std::string, std::string> artefact(const std::string& output) const {
    std::map<std::string, std::string> files{{"model.tar.gz", read_text(folder_ / output / "model.tar.gz")}};
    for (const auto& file : fs::directory_iterator(folder_ / output / "model"))
      files[file.path().filename()] = read_text(file.path());
    return files;
  }

  /// The last checkpoint's step, counters, sums, scale and best model so far.
  nlohmann::json state(const std::string& output) const {
    const Path last = *model::checkpoint::find_latest(folder_ / output / "checkpoints");
    auto json = nlohmann::json::parse(read_text(last / "state.json"));
    json.erase("seconds");
    return json;
  }

  void expect_same_end(const std::string& one, const std::string& other) const {
    expect_same_bytes(weights(one), weights(other));
    EXPECT_EQ(state(one), state(other));
    EXPECT_EQ(artefact(one), artefact(other));
    EXPECT_EQ(story(one), story(other)) << "no event is repeated, none is left out";
  }
};

TEST_F(Resumed, GoesOnFromTheLastEpochAsIfNeverStopped) {
  train(with_epochs(config("whole"), 4), 2);
  train(config("halves"), 2);
  train(with_epochs(config("halves"), 4), 2);
  expect_same_end("whole", "halves");
}

TEST_F(Resumed, WithAveragedWeightsAndSixteenBitsAsIfNeverStopped) {
  const std::string more = "  ema_decay: 0.8\n  label_smoothing: 0.1\n  clip_gradient_norm: 2\n";
  const auto text = [&](const std::string& output) { return config(output, "  precision_dtype: bfloat16\n", more); };
  train(with_epochs(text("whole"), 4), 2);
  train(text("halves"), 2);
  train(with_epochs(text("halves"), 4), 2);
  expect_same_end("whole", "halves");
  const auto arrays = weights("halves");
  EXPECT_TRUE(std::any_of(arrays.begin(), arrays.end(),
                          [](const model::Array& array) { return array.name.starts_with("average:arg:"); }));
}

// A run that ended behind step k leaves checkpoints up to k, the best model of the epochs before, and perhaps events of
// steps that count for nothing.
TEST_F(Resumed, SlowFromEveryStepAsIfNeverStopped) {
  for (const int ranks : {1, 2, 4})
    for (const char* precision : {"float32", "bfloat16"}) {
      const std::string settings = cat(ranks, precision);
      const auto text = [&](const std::string& output) {
        return config(output,
                      cat("  precision_dtype: ", precision,
                          "\n  early_stopping: true\n  early_stopping_min_epochs: 1\n  early_stopping_patience: 3\n"),
                      "  ema_decay: 0.7\n  clip_gradient_norm: 1\n  micro_batch: 5\n  checkpoint_every_steps: 1\n"
                      "  keep_checkpoints: 100\n  verify_every: 1\n");
      };
      const std::string whole = "whole" + settings;
      train(with_epochs(text(whole), 3), ranks);
      for (const int epochs : {1, 2}) train(with_epochs(text(cat("short", settings, epochs)), epochs), ranks);
      ASSERT_EQ(events(whole, "step").size(), 12u);
      for (int64_t step = 1; step <= 12; ++step) {
        SCOPED_TRACE(cat(ranks, " ranks, ", precision, ", behind step ", step));
        const std::string rest = cat("rest", settings, step);
        fs::create_directories(folder_ / rest / "checkpoints");
        fs::copy(checkpoint(whole, step), checkpoint(rest, step));
        fs::copy(folder_ / whole / "metrics.jsonl", folder_ / rest / "metrics.jsonl");
        if (step >= 4) {
          const std::string source = step < 12 ? cat("short", settings, step / 4) : whole;
          fs::copy(folder_ / source / "model", folder_ / rest / "model");
        }
        EXPECT_EQ(train(with_epochs(text(rest), 3), ranks), 0);
        expect_same_end(whole, rest);
        fs::remove_all(folder_ / rest);
      }
    }
}

// With BatchNorm frozen a batch's sum is the same however it is shared (up to rounding). 12 of 44 samples a step: up to
// as many ranks as samples in the batch, and more than in the last one.
TEST_F(Resumed, OnAnyNumberOfRanksInMidEpoch) {
  train(config("first"));
  const std::string model = cat("  model: ", (folder_ / "first" / "model.tar.gz").string(), "\n");
  const auto text = [&](const std::string& output, const std::string& more) {
    std::string made = config(output, "", "  freeze_batch_norm: true\n" + more);
    made.replace(made.find("learning_rate: 0.05"), 19, "learning_rate: 0.01");
    return made.insert(made.find("hyperparameters:"), model);
  };
  train(text("whole", "  checkpoint_every_steps: 2\n  keep_checkpoints: 100\n"), 2);
  for (const int ranks : {1, 3, 12}) {
    const std::string rest = cat("rest", ranks);
    train(text(rest, cat("  resume: ", checkpoint("whole", 2).string(), "\n")), ranks);
    EXPECT_LT(largest_difference(weights("whole"), weights(rest)), 1e-5) << ranks << " ranks";
    EXPECT_GT(largest_difference(weights("first"), weights(rest)), 1e-3);
    EXPECT_EQ(events(rest, "step").size(), 6u);
    for (const auto& epoch : events(rest, "epoch")) EXPECT_EQ(epoch["samples"], 44);
  }
}

TEST_F(Resumed, AFinishedRunHasNothingToDo) {
  train(config("out"));
  const std::string before = read_text(folder_ / "out" / "summary.json");
  train(config("out"));
  EXPECT_EQ(read_text(folder_ / "out" / "summary.json"), before);
}

TEST_F(Resumed, RefusesOtherSettingsAndListsThem) {
  train(config("out"));
  const std::string message =
      test::expect_error(ErrorKind::kUsage, [&] { train(config("out", "  momentum: 0.5\n", "  seed: 7\n")); });
  test::expect_contains(message, "momentum: 0.9 -> 0.5");
  test::expect_contains(message, "run.seed: 1 -> 7");
}

TEST_F(Resumed, WarnsOfSomeChangedKeysAndIsSilentAboutHarmlessOnes) {
  train(config("out"));
  testing::internal::CaptureStderr();
  train(with_epochs(config("out", "", "  elastic: keep_local_batch\n  keep_checkpoints: 7\n"), 3));
  const std::string said = testing::internal::GetCapturedStderr();
  test::expect_contains(said, "the run goes on with a changed key: run.elastic: keep_global_batch -> keep_local_batch");
  EXPECT_EQ(said.find("keep_checkpoints: "), std::string::npos);
}

TEST_F(Resumed, AnnouncesWhatTheBitsDependOn) {
  const auto said_by = [&](int epochs, int ranks, const std::string& more) {
    testing::internal::CaptureStderr();
    std::string text = with_epochs(config("out", "", more), epochs);
    if (!more.empty()) text.erase(text.find("  compute_threads: 1\n"), 21);
    train(text, ranks);
    return testing::internal::GetCapturedStderr();
  };
  said_by(1, 2, "");
  EXPECT_EQ(said_by(2, 2, "").find("other circumstances"), std::string::npos);
  test::expect_contains(said_by(3, 3, "  compute_threads: 2\n"),
                        "under other circumstances (ranks: 2 -> 3; compute_threads: 1 -> 2)");
}

TEST_F(Resumed, MustAndNeverSayWhatIsMissingOrInTheWay) {
  const auto refuses = [&](const std::string& how) {
    return test::expect_error(ErrorKind::kUsage, [&] { train(config("out", "", "  resume: " + how + "\n"), 2); });
  };
  test::expect_contains(refuses("must"), "holds no checkpoint");
  train(config("out", "", "  resume: never\n"));
  test::expect_contains(refuses("never"), "holds a run; choose another run.output");
  train(with_epochs(config("out", "", "  resume: must\n"), 3));
  EXPECT_EQ(events("out", "epoch").size(), 3u);
}

TEST_F(Resumed, ACheckpointByItsPathNeedsAnEmptyFolder) {
  train(config("first"));
  const std::string path = cat("  resume: ", checkpoint("first", 8).string(), "\n");
  train(with_epochs(config("second", "", path), 3));
  train(with_epochs(config("first"), 3));
  expect_same_bytes(weights("first"), weights("second"));
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { train(config("first", "", path)); }),
                        "holds a run already");
  const std::string wrong = cat("  resume: ", (folder_ / "first").string(), "\n");
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { train(config("third", "", wrong)); }),
                        "is no checkpoint");
}

TEST_F(Resumed, IgnoresTheModelChannelAndSaysSo) {
  train(config("first"));
  train(config("out"));
  std::string text = with_epochs(config("out"), 3);
  text.insert(text.find("hyperparameters:"), cat("  model: ", (folder_ / "first" / "model").string(), "\n"));
  testing::internal::CaptureStderr();
  train(text);
  test::expect_contains(testing::internal::GetCapturedStderr(), "channels.model is ignored");
  EXPECT_EQ(events("out", "step").size(), 12u);
}

TEST_F(Resumed, NamesADamagedCheckpointAndTakesTheOneBefore) {
  train(config("whole"), 2);
  train(config("out"), 2);
  const Path tensors = checkpoint("out", 8) / "tensors.safetensors";
  std::string bytes = read_text(tensors);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  write_atomic(tensors, bytes);
  testing::internal::CaptureStderr();
  train(config("out"), 2);
  const std::string said = testing::internal::GetCapturedStderr();
  test::expect_contains(said, tensors.string());
  test::expect_contains(said, "going on from " + checkpoint("out", 4).string());
  expect_same_end("whole", "out");
}

/// The learning rate of each step.
std::vector<double> rates(const std::vector<nlohmann::json>& steps) {
  std::vector<double> all;
  for (const auto& event : steps) all.push_back(event["learning_rate"]);
  return all;
}

// mini_batch_size is a host's: 12 of 44 samples on one host, 24 on two.
TEST_F(Resumed, OnMoreHostsKeepsTheBatchOfAStepOrThatOfAHost) {
  for (const std::string keeps : {"keep_global_batch", "keep_local_batch"}) {
    const std::string text = config(keeps, "", cat("  elastic: ", keeps, "\n  micro_batch: auto\n"));
    train(text);
    testing::internal::CaptureStderr();
    train(with_epochs(text, 4), 2, 2);
    test::expect_contains(testing::internal::GetCapturedStderr(), "this start has 2 host(s)");
  }
  EXPECT_EQ(rates(events("keep_global_batch", "step")), std::vector<double>(16, 0.05));
  std::vector<double> scaled(8, 0.05);
  scaled.resize(12, 0.1);
  EXPECT_EQ(rates(events("keep_local_batch", "step")), scaled);
  for (const auto& epoch : events("keep_local_batch", "epoch")) EXPECT_EQ(epoch["samples"], 44);
}

// A stop in mid-epoch on one host: the epoch ends with its batches, the next one has those of two hosts.
TEST_F(Resumed, TakesTheBatchOfMoreHostsWhenAnEpochBegins) {
  const auto text = [&](const std::string& more) { return config("out", "", "  elastic: keep_local_batch\n" + more); };
  EXPECT_EQ(train(text("  time_limit: 10s\n")), 75);
  ASSERT_EQ(events("out", "step").size(), 1u);
  train(text(""), 2, 2);
  EXPECT_EQ(rates(events("out", "step")), (std::vector<double>{0.05, 0.05, 0.05, 0.05, 0.1, 0.1}));
  for (const auto& epoch : events("out", "epoch")) EXPECT_EQ(epoch["samples"], 44);
}

}  // namespace
}  // namespace lockstep::train

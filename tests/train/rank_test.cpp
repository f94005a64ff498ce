#include "rank.h"

#include "job.h"
#include "lockstep/train/evaluate.h"
#include "support/expect_error.h"
#include "toy_run.h"

namespace lockstep::train {
namespace {

class Run : public ToyRun {};

TEST_F(Run, WritesEveryFileThatIsPromised) {
  train(config("out"));
  for (const char* name :
       {"config.yaml", "log.txt", "metrics.jsonl", "summary.json", "model.tar.gz", "checkpoints/latest",
        "model/image-classification-symbol.json", "model/model-shapes.json", "model/lockstep.json"})
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / name)) << name;
  const auto summary = nlohmann::json::parse(read_text(folder_ / "out" / "summary.json"));
  EXPECT_EQ(summary["status"], "completed");
  EXPECT_EQ(summary["epochs"], 2);
  EXPECT_EQ(summary["steps"], 8);  // 44 samples in batches of 12, the short one used
  EXPECT_EQ(summary["world_size"], 1);
  EXPECT_EQ(events("out", "step").size(), 8u);
  EXPECT_EQ(events("out", "validation").size(), 2u);
  EXPECT_EQ(events("out", "validation")[0]["count"], 18);
  EXPECT_EQ(events("out", "epoch")[1]["samples"], 44);
}

TEST_F(Run, LearnsTheToyClasses) {
  train(config("out", "  top_k: 2\n").replace(config("out").find("epochs: 2"), 9, "epochs: 8"));
  EXPECT_GT(events("out", "validation").back()["accuracy"].get<double>(), 0.9);
}

// With BatchNorm frozen the sum over a batch is the same however it is shared (up to rounding). Real statistics come
// from a first run.
TEST_F(Run, OneTwoAndFourRanksComputeTheSameRun) {
  train(config("first"));
  const std::string model = cat("  model: ", (folder_ / "first" / "model.tar.gz").string(), "\n");
  for (const int ranks : {1, 2, 4}) {
    std::string text = config(cat("out", ranks), "", "  freeze_batch_norm: true\n");
    text.replace(text.find("learning_rate: 0.05"), 19, "learning_rate: 0.01");
    text.replace(text.find("epochs: 2"), 9, "epochs: 3");  // 12 steps
    train(text.insert(text.find("hyperparameters:"), model), ranks);
  }
  EXPECT_LT(largest_difference(weights("out1"), weights("out2")), 1e-5);
  EXPECT_LT(largest_difference(weights("out1"), weights("out4")), 1e-5);
  EXPECT_GT(largest_difference(weights("first"), weights("out1")), 1e-3);
  EXPECT_EQ(events("out1", "validation")[1]["count"], events("out4", "validation")[1]["count"]);
}

TEST_F(Run, ARankWithoutSamplesInABatchTakesPart) {
  train(config("out", "", "").replace(config("out").find("mini_batch_size: 12"), 19, "mini_batch_size: 3 "), 4);
  EXPECT_EQ(events("out", "epoch")[0]["samples"], 44);
  EXPECT_EQ(events("out", "validation")[0]["count"], 18);
}

TEST_F(Run, IsTheSameBitForBitWhenRepeated) {
  train(config("a"), 2);
  train(config("b"), 2);
  EXPECT_EQ(largest_difference(weights("a"), weights("b")), 0);
}

/// SageMaker calls the last layer as it likes, and its files have no lockstep.json.
TEST_F(Run, BeginsWithAForeignModelAndGoesOnWithItsNames) {
  train(config("first"));
  model::Artefact artefact = model::read_artefact(folder_ / "first" / "model");
  for (model::Node& node : artefact.graph.nodes)
    if (node.name.starts_with("fc1")) node.name.replace(0, 3, "newlayer_fc2");
  for (model::Array& array : artefact.arrays)
    if (array.name.starts_with("arg:fc1")) array.name.replace(4, 3, "newlayer_fc2");
  model::write_artefact(folder_ / "foreign", artefact, false);
  std::filesystem::remove(folder_ / "foreign" / "lockstep.json");

  test::make_toy_records(folder_ / "train", 44, 3, 12);  // one class less
  test::make_toy_records(folder_ / "val", 18, 3, 12);
  const auto begin = [&](const std::string& output, int epochs) {
    std::string text = config(output);
    text.replace(text.find("epochs: 2"), 9, cat("epochs: ", epochs));
    train(text.insert(text.find("hyperparameters:"), cat("  model: ", (folder_ / "foreign").string(), "\n")), 2);
  };
  begin("whole", 3);
  begin("parts", 1);
  begin("parts", 3);
  EXPECT_EQ(largest_difference(weights("whole"), weights("parts")), 0);
  const model::Artefact trained = model::read_artefact(folder_ / "parts" / "model.tar.gz");
  ASSERT_NE(model::find_array(trained.arrays, "arg:newlayer_fc2_bias"), nullptr);
  EXPECT_EQ(model::find_array(trained.arrays, "arg:newlayer_fc2_bias")->shape, model::Shape{3});
  EXPECT_EQ(trained.card.network, "resnet_v2");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "parts" / "hyperparameters.json"));
}

TEST_F(Run, TrainsOnHostsThatHaveDataOfTheirOwn) {
  test::make_toy_records(folder_ / "more", 20, 4, 12);
  std::string text = config("out");
  const std::string path = (folder_ / "train.rec").string();
  text.replace(text.find(path), path.size(),
               cat("{path: [", path, ", ", (folder_ / "more.rec").string(), "], distribution: ShardedByS3Key}"));
  train(text, 4, 2);
  // 44 samples on the larger host, 12 of them a step; every sample of both once an epoch.
  EXPECT_EQ(events("out", "epoch")[1]["samples"], 64);
  EXPECT_EQ(events("out", "step").size(), 8u);
  EXPECT_EQ(events("out", "validation")[1]["count"], 18);
}

TEST_F(Run, EvaluateRepeatsTheFigureOfTraining) {
  train(config("out", "  top_k: 2\n"), 2);
  const auto validation = events("out", "validation");
  EvaluateOptions options;
  options.data = {(folder_ / "val.rec").string()};
  options.threads = 1;
  options.model = folder_ / "out" / "checkpoints";
  const track::Report last = evaluate_model(options).report;
  EXPECT_EQ(last.accuracy, validation.back()["accuracy"].get<double>());
  EXPECT_NEAR(last.cross_entropy, validation.back()["cross_entropy"].get<double>(), 1e-6);
  options.model = folder_ / "out" / "model.tar.gz";
  double best = 0;
  for (const auto& event : validation) best = std::max(best, event["accuracy"].get<double>());
  EXPECT_EQ(evaluate_model(options).report.accuracy, best);
}

TEST_F(Run, StartsFromAModelChannelWithItsWeights) {
  std::string longer = config("first");
  train(longer.replace(longer.find("epochs: 2"), 9, "epochs: 6"));
  std::string text = config("second", "", "");
  text.replace(text.find("hyperparameters:"), 0, cat("  model: ", (folder_ / "first" / "model.tar.gz").string(), "\n"));
  text.replace(text.find("learning_rate: 0.05"), 19, "learning_rate: 0   ");
  train(text);
  EXPECT_NEAR(events("second", "epoch")[0]["accuracy"].get<double>(),
              events("first", "epoch").back()["accuracy"].get<double>(), 0.15);
}

TEST_F(Run, TheBalancedSamplerDrivesLoaderAndScheduleAlike) {
  test::make_toy_records(folder_ / "train", 43, 3, 12);  // 15, 14 and 14 of a class
  test::make_toy_records(folder_ / "val", 9, 3, 12);
  train(config("out", "  lr_scheduler_step: 1\n", "  sampler: balanced\n"), 2);
  for (const auto& event : events("out", "step"))
    EXPECT_NEAR(event["learning_rate"].get<double>(), event["epoch"] == 1 ? 0.05 : 0.005, 1e-12);
}

TEST_F(Run, KeepsAModelEveryKEpochs) {
  train(config("out", "  checkpoint_frequency: 1\n"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/model/image-classification-0001.params"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/model/image-classification-0002.params"));
}

TEST_F(Run, TrainsSeveralLabelsASample) {
  test::make_toy_records(folder_ / "train", 40, 3, 12, true);
  test::make_toy_records(folder_ / "val", 12, 3, 12, true);
  train(config("out", "  multi_label: 1\n  use_weighted_loss: 1\n"), 2);
  const auto last = events("out", "validation").back();
  EXPECT_EQ(last["count"], 12);
  EXPECT_GT(last["accuracy"].get<double>(), 0.5);
}

TEST_F(Run, StopsAllRanksWhenTheLossIsNotANumber) {
  make_spoilt_model();
  std::string text = config("second");
  text.replace(text.find("hyperparameters:"), 0, cat("  model: ", (folder_ / "spoilt").string(), "\n"));
  const std::string message = test::expect_error(ErrorKind::kData, [&] { train(text, 2); });
  test::expect_contains(message, "step 1 ");
  test::expect_contains(message, "is not finite");
  test::expect_contains(message, "had the samples ");
}

TEST_F(Run, NamesTheKeysInWhichRanksDiffer) {
  const LoadedConfig mine = load_config_text(config("out"), "test.yaml");
  LoadedConfig other = mine;
  other.config.channels.train.paths = {(folder_ / "other.rec").string()};
  other.config.run.seed = 9;
  const std::string message = test::expect_error(ErrorKind::kUsage, [&] {
    test::run_ranks(2, [&](comm::Communicator& communicator) {
      run_rank(communicator.rank() == 0 ? mine : other, false, communicator);
    });
  });
  test::expect_contains(message, "other.rec on rank 1");
  test::expect_contains(message, "run.seed: 1 on rank 0, 9 on rank 1");
}

TEST_F(Run, LogsSagemakersLines) {
  train(config("out", "  top_k: 2\n"));
  std::vector<std::string> lines;
  for (const std::string& line : split(read_text(folder_ / "out" / "log.txt"), '\n'))
    if (const size_t end = line.find("] "); end != std::string::npos) lines.push_back(line.substr(end + 2));
  const auto first = std::find(lines.begin(), lines.end(), "---- Parameters ----");
  ASSERT_NE(first, lines.end());
  const std::vector<std::string> block(first, std::min(first + 19, lines.end()));
  EXPECT_EQ(block, (std::vector<std::string>{
                       "---- Parameters ----", "num_layers: 20", "data type: <type 'numpy.float32'>", "epochs: 2",
                       "optimizer: sgd", "momentum: 0.9", "weight_decay: 0.0001", "learning_rate: 0.05",
                       "num_training_samples: 44", "mini_batch_size: 12", "image_shape: 3,8,8", "num_classes: 4",
                       "augmentation_type: None", "kv_store: device", "top_k: 2",
                       "checkpoint_frequency not set, will store the best model", "--------------------",
                       "Setting number of threads: 1", lines[static_cast<size_t>(first - lines.begin()) + 18]}));
  const std::string text = join(lines, "\n");
  for (const char* part :
       {"Epoch[0] Train-accuracy=0.", "Epoch[0] Train-top_k_accuracy_2=", "Epoch[0] Time cost=",
        "Epoch[0] Validation-accuracy=", "Storing the best model with validation accuracy: 0.",
        "Saved checkpoint to \"", "SageMaker's image-classification algorithm can go on with model.tar.gz"})
    test::expect_contains(text, part);
}

TEST_F(Run, SumsMiniBatchesAsOneLargeOne) {
  train(config("first"));
  const std::string model = cat("  model: ", (folder_ / "first" / "model.tar.gz").string(), "\n");
  const auto frozen = [&](const std::string& output, int batch, const std::string& more) {
    std::string text = config(output, "", "  freeze_batch_norm: true\n" + more);
    text.replace(text.find("mini_batch_size: 12"), 19, cat("mini_batch_size: ", batch));
    train(text.insert(text.find("hyperparameters:"), model));
  };
  frozen("large", 12, "");
  frozen("summed", 4, "  gradient_accumulation: 3\n  micro_batch: 4\n");
  EXPECT_LT(largest_difference(weights("large"), weights("summed")), 1e-5);
  EXPECT_EQ(events("summed", "step").size(), 8u);
}

TEST_F(Run, FollowsTheScheduleThatWasAskedFor) {
  train(config("out", "", "  lr_schedule: cosine\n  warmup_epochs: 1\n  learning_rate_batch: 24\n"));
  const auto steps = events("out", "step");  // 4 of the warm-up, 4 that fall
  ASSERT_EQ(steps.size(), 8u);
  const auto rate = [&](size_t step) { return steps[step]["learning_rate"].get<double>(); };
  EXPECT_DOUBLE_EQ(rate(0), 0.025 / 4) << "half the batch, half the rate";
  EXPECT_DOUBLE_EQ(rate(3), 0.025);
  EXPECT_DOUBLE_EQ(rate(4), 0.025);
  EXPECT_DOUBLE_EQ(rate(6), 0.0125);
}

TEST_F(Run, PublishesTheAverageWhereOneIsKept) {
  train(config("out", "", "  ema_decay: 0.9\n"));
  const auto checkpoint = weights("out");
  const auto model = model::read_artefact((folder_ / "out" / "model.tar.gz").string());
  const auto published = model::to_floats(*model::find_array(model.arrays, "arg:fc1_weight"));
  const auto epoch = events("out", "validation");
  EXPECT_NE(published, model::to_floats(*model::find_array(checkpoint, "arg:fc1_weight")));
  EXPECT_EQ(epoch.size(), 2u);
}

TEST_F(Run, SaysHowMuchOfTheExchangeWasHidden) {
  train(config("out"), 2);
  const auto epoch = events("out", "epoch").at(0);
  EXPECT_GT(epoch["seconds_exchanging"].get<double>(), 0);
  EXPECT_GE(epoch["exchange_hidden"].get<double>(), 0);
  EXPECT_LE(epoch["exchange_hidden"].get<double>(), 1);
}

TEST_F(Run, RemovesWhatAKilledStartWasWriting) {
  std::filesystem::create_directories(folder_ / "out" / "model");
  const std::vector<Path> leftovers{folder_ / "out/config.yaml.tmp-4711", folder_ / "out/model.tar.gz.writing-4711",
                                    folder_ / "out/model/image-classification-0007.params.writing"};
  for (const Path& path : leftovers) write_atomic(path, "half of");
  write_atomic(folder_ / "out" / "notes.txt", "mine");
  train(config("out"));
  for (const Path& path : leftovers) EXPECT_FALSE(std::filesystem::exists(path)) << path;
  EXPECT_EQ(read_text(folder_ / "out" / "notes.txt"), "mine");
}

TEST_F(Run, RefusesFewerSamplesThanRanks) {
  test::make_toy_records(folder_ / "train", 3, 3, 12);
  test::make_toy_records(folder_ / "val", 3, 3, 12);
  const std::string message = test::expect_error(ErrorKind::kUsage, [&] { train(config("out"), 4); });
  test::expect_contains(message, "3 samples for 4 ranks");
}

TEST_F(Run, SaysAtWhichStepARankWasLost) {
  const LoadedConfig loaded = load_config_text(config("out"), "test.yaml");
  const std::string message = test::expect_error(ErrorKind::kComm, [&] {
    test::run_ranks(
        2,
        [&](comm::Communicator& communicator) {
          if (communicator.rank() == 0) return static_cast<void>(run_rank(loaded, false, communicator));
          Job job = prepare(loaded, communicator);  // and then nothing: its thread has ended, as a process does
          std::vector<int64_t> failed{0};
          communicator.allreduce(comm::buffer(failed));
        },
        1);
  });
  test::expect_contains(message, "not there yet: rank 1");
  test::expect_contains(message, "this rank was behind step 0 in epoch 1");
}

TEST_F(Run, SavesAndStopsBeforeItsTimeIsUp) {
  const LoadedConfig loaded = load_config_text(config("out", "", "  time_limit: 10s\n"), "test.yaml");
  test::run_ranks(2, [&](comm::Communicator& communicator) { EXPECT_EQ(run_rank(loaded, false, communicator), 75); });
  EXPECT_EQ(events("out", "stop").back()["reason"], "run.time_limit");
  EXPECT_EQ(events("out", "step").size(), 1u) << "a save is given more than the ten seconds";
  train(config("out"), 2);
  train(config("whole"), 2);
  expect_same_bytes(weights("whole"), weights("out"));
}

TEST_F(Run, GivesUpAfterThreeFailuresAtTheSameStep) {
  make_spoilt_model();
  std::string text = config("out");
  text.replace(text.find("hyperparameters:"), 0, cat("  model: ", (folder_ / "spoilt").string(), "\n"));
  for (int start = 0; start < 3; ++start) test::expect_error(ErrorKind::kData, [&] { train(text, 2); });
  const LoadedConfig loaded = load_config_text(text, "test.yaml");
  test::run_ranks(2, [&](comm::Communicator& communicator) { EXPECT_EQ(run_rank(loaded, false, communicator), 76); });
}

TEST_F(Run, GoesOnWithoutCheckpointsWhereItIsToldToAndSaysSoAtTheEnd) {
  std::filesystem::create_directories(folder_ / "out");
  write_atomic(folder_ / "out" / "checkpoints", "a file where the folder should be");
  test::expect_error(ErrorKind::kIo, [&] { train(config("out"), 2); });
  EXPECT_LE(events("out", "step").size(), 8u);
  const std::string message =
      test::expect_error(ErrorKind::kIo, [&] { train(config("out", "", "  on_save_error: continue\n"), 2); });
  test::expect_contains(message, "every epoch is trained, but not everything could be written");
  EXPECT_EQ(events("out", "validation").back()["epoch"], 2);
  std::filesystem::remove(folder_ / "out" / "checkpoints");
  train(config("out"), 2);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "model.tar.gz"));
}

}  // namespace
}  // namespace lockstep::train

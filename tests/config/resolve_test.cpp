#include <gtest/gtest.h>

#include "lockstep/config/load.h"
#include "support/expect_error.h"

namespace lockstep {
namespace {

using test::expect_contains;

// 100 samples of 4 classes.
const DatasetFacts kData = {.samples = 100, .classes = 4, .class_names = {}, .class_counts = {}};

Config config(const std::string& hyperparameters, const std::string& run = "") {
  return load_config_text("channels: {train: a.rec}\nhyperparameters: {" + hyperparameters + "}\nrun: {" + run + "}",
                          "first.yaml")
      .config;
}

Config sagemaker(const std::string& hyperparameters) {
  Config made = config(hyperparameters);
  made.sagemaker_json = true;
  return made;
}

std::string usage_error(const Config& given, const std::optional<ModelFacts>& model = std::nullopt) {
  return test::expect_error(ErrorKind::kUsage, [&] { resolve(given, kData, model); });
}

TEST(Resolve, CountsWhatIsLeftOut) {
  const Config resolved = resolve(config(""), kData, std::nullopt).config;
  EXPECT_EQ(resolved.hyperparameters.num_classes, 4);
  EXPECT_EQ(resolved.hyperparameters.num_training_samples, 100);
  EXPECT_EQ(resolved.origins.at("hyperparameters.num_classes"), "counted");
  EXPECT_EQ(resolved.origins.at("hyperparameters.num_training_samples"), "counted");
}

TEST(Resolve, AcceptsWhatAgreesWithTheData) {
  const LoadedConfig resolved = resolve(config("num_classes: 4, num_training_samples: 100"), kData, std::nullopt);
  EXPECT_TRUE(resolved.warnings.empty());
  EXPECT_EQ(resolved.config.origins.at("hyperparameters.num_classes"), "first.yaml:2");
}

TEST(Resolve, ListsAllContradictionsWithBothNumbers) {
  const std::string message = usage_error(config("num_classes: 5, num_training_samples: 99"));
  expect_contains(message, "first.yaml:2: hyperparameters.num_classes: 5, but channels.train (a.rec) has 4 classes");
  expect_contains(message,
                  "first.yaml:2: hyperparameters.num_training_samples: 99, but channels.train (a.rec) holds 100");
}

TEST(Resolve, OnlyWarnsOfWrongCountsInSageMakersJson) {
  const LoadedConfig resolved = resolve(sagemaker("num_classes: 5, num_training_samples: 99"), kData, std::nullopt);
  EXPECT_EQ(resolved.config.hyperparameters.num_training_samples, 100);
  EXPECT_EQ(resolved.config.hyperparameters.num_classes, 5);
  ASSERT_EQ(resolved.warnings.size(), 2u);
  expect_contains(resolved.warnings[0], "99, but channels.train (a.rec) holds 100; 100 is used");
  expect_contains(resolved.warnings[1], "5, but channels.train (a.rec) has 4 classes");
}

TEST(Resolve, RefusesLabelsBeyondTheClasses) {
  expect_contains(usage_error(sagemaker("num_classes: 3")),
                  "3, but channels.train (a.rec) has 4 classes, labels 0 to 3");
}

TEST(Resolve, AllowsTopKBeyondTheClasses) { EXPECT_NO_THROW(resolve(config("top_k: 9"), kData, std::nullopt)); }

TEST(Resolve, RefusesABatchThatIsNeverFull) {
  const std::string message = usage_error(config("mini_batch_size: 101", "last_batch: drop"));
  expect_contains(
      message,
      "first.yaml:2: hyperparameters.mini_batch_size: 101 is more than the 100 samples of channels.train (a.rec)");
  EXPECT_NO_THROW(resolve(config("mini_batch_size: 100", "last_batch: drop"), kData, std::nullopt));
  EXPECT_NO_THROW(resolve(config("mini_batch_size: 101"), kData, std::nullopt)) << "a short batch is used";
}

TEST(Resolve, RefusesEmptyData) {
  expect_contains(test::expect_error(ErrorKind::kUsage, [] { resolve(config(""), DatasetFacts{}, std::nullopt); }),
                  "holds no samples");
}

const ModelFacts kModel = {
    .network = "mobilenet_v2", .num_layers = 18, .image_shape = ImageShape{3, 64, 64}, .num_classes = 4};

TEST(Resolve, TakesTheShapeOfTheNetworkFromTheModel) {
  const Config resolved = resolve(config(""), kData, kModel).config;
  EXPECT_EQ(resolved.run.network, "mobilenet_v2");
  EXPECT_EQ(resolved.hyperparameters.num_layers, 18);
  EXPECT_EQ(resolved.hyperparameters.image_shape, (ImageShape{3, 64, 64}));
  EXPECT_EQ(resolved.hyperparameters.num_classes, 4);
  for (const char* key :
       {"run.network", "hyperparameters.num_layers", "hyperparameters.image_shape", "hyperparameters.num_classes"})
    EXPECT_EQ(resolved.origins.at(key), "model") << key;
}

TEST(Resolve, RefusesAnotherShapeThanTheModelsEvenFromSageMaker) {
  const std::string message =
      usage_error(sagemaker("num_layers: 50, image_shape: \"3,32,32\", num_classes: 5"), kModel);
  expect_contains(message, "num_layers: 50, but the model of channels.model has 18");
  expect_contains(message, "image_shape: 3,32,32, but the model of channels.model has 3,64,64");
  expect_contains(message, "num_classes: 5, but the model of channels.model has 4");
}

TEST(Resolve, LetsAModelKnowMoreClassesThanTheDataShow) {
  ModelFacts model = kModel;
  model.num_classes = 6;
  const LoadedConfig resolved = resolve(config(""), kData, model);
  EXPECT_EQ(resolved.config.hyperparameters.num_classes, 6);
  EXPECT_EQ(resolved.warnings.size(), 1u);
  model.num_classes = 3;
  expect_contains(usage_error(config(""), model), "3, but channels.train (a.rec) has 4 classes");
}

TEST(Resolve, GivesAPretrainedModelTheClassesOfTheData) {
  ModelFacts model = kModel;
  model.num_classes = 1000;
  const LoadedConfig resolved = resolve(config("use_pretrained_model: true"), kData, model);
  EXPECT_EQ(resolved.config.hyperparameters.num_classes, 4);
  ASSERT_EQ(resolved.warnings.size(), 1u);
  expect_contains(resolved.warnings[0], "has 1000, this run 4: its last layer is new");
}

TEST(Resolve, ChecksTheRecipe) {
  expect_contains(usage_error(config("multi_label: true", "label_smoothing: 0.1")), "run.label_smoothing");
  expect_contains(usage_error(config("epochs: 3", "warmup_epochs: 3.5")), "3.5 is more than the 3 epochs");
  for (const char* wrong : {"0", "-1", "some", "1.5"})
    expect_contains(usage_error(config("", cat("micro_batch: ", wrong))), "neither a number of samples nor auto");
  for (const char* right : {"auto", "7"}) resolve(config("", cat("micro_batch: ", right)), kData, std::nullopt);
}

}  // namespace
}  // namespace lockstep

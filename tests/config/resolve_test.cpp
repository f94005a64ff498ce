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
  for (const char* key : {"run.network", "hyperparameters.num_layers", "hyperparameters.image_shape"})
    EXPECT_EQ(resolved.origins.at(key), "model") << key;
}

TEST(Resolve, RefusesAnotherShapeThanTheModelsEvenFromSageMaker) {
  const std::string message =
      usage_error(sagemaker("num_layers: 50, image_shape: \"3,32,32\", num_classes: 5"), kModel);
  expect_contains(message, "num_layers: 50, but the model of channels.model has 18");
  expect_contains(message, "image_shape: 3,32,32, but the model of channels.model has 3,64,64");
  expect_contains(message, "num_classes: 5, but the model of channels.model has 4; SageMaker's");
}

TEST(Resolve, LetsAModelKnowMoreClassesThanTheDataShowWhereThatIsSaid) {
  ModelFacts model = kModel;
  model.num_classes = 6;
  const LoadedConfig resolved = resolve(config("num_classes: 6"), kData, model);
  EXPECT_EQ(resolved.config.hyperparameters.num_classes, 6);
  EXPECT_EQ(resolved.warnings.size(), 1u);
}

TEST(Resolve, GivesAModelTheClassesOfTheData) {
  ModelFacts model = kModel;
  model.num_classes = 1000;
  const LoadedConfig resolved = resolve(config(""), kData, model);
  EXPECT_EQ(resolved.config.hyperparameters.num_classes, 4);
  ASSERT_EQ(resolved.warnings.size(), 1u);
  expect_contains(resolved.warnings[0], "4, but the model of channels.model has 1000: its last layer is new");
  expect_contains(resolve(config("", "grow_classes: true"), kData, model).warnings.at(0), "keep their rows");
}

TEST(Resolve, RefusesOtherClassesThanTheModelsFromSageMaker) {
  ModelFacts model = kModel;
  model.network = "resnet_v2";
  model.num_classes = 1000;
  expect_contains(usage_error(sagemaker("image_shape: \"3,64,64\", num_layers: 18"), model),
                  "4, but the model of channels.model has 1000; SageMaker's algorithm continues");
  model.is_pretrained = true;
  EXPECT_EQ(
      resolve(sagemaker("image_shape: \"3,64,64\", num_layers: 18"), kData, model).config.hyperparameters.num_classes,
      4)
      << "pretrained weights get a new last layer";
}

TEST(Resolve, RefusesWeightsOfAnotherNetwork) {
  ModelFacts model = kModel;
  model.name = "r50.pth";
  model.network = "resnet_v1";
  model.num_layers = 50;
  for (const Config& said : {config("", "network: resnet_v2"), sagemaker("num_layers: 50")})
    expect_contains(usage_error(said, model),
                    "resnet_v2, but r50.pth is a resnet_v1 with 50 layers; the networks have other layers");
}

TEST(Resolve, LetsPretrainedWeightsSeeOtherSizes) {
  ModelFacts model = kModel;
  const std::string shape = "image_shape: \"3,32,32\"";
  expect_contains(usage_error(config(shape), model), "3,32,32, but the model of channels.model has 3,64,64");
  model.is_pretrained = true;
  EXPECT_EQ(resolve(config(shape), kData, model).config.hyperparameters.image_shape, (ImageShape{3, 32, 32}));
}

TEST(Resolve, TakesThePreprocessingOfTheModelUnlessItIsGiven) {
  ModelFacts model = kModel;
  model.resize = 256;
  model.mean = {1, 2, 3};
  model.std = {4, 5, 6};
  model.interpolation = "antialias";
  const Config silent = resolve(config(""), kData, model).config;
  EXPECT_EQ(silent.hyperparameters.resize, 256);
  EXPECT_EQ(silent.run.pixel_mean, model.mean);
  EXPECT_EQ(silent.run.pixel_std, model.std);
  EXPECT_EQ(silent.run.interpolation, "antialias");
  EXPECT_EQ(silent.origins.at("run.pixel_mean"), "model");
  EXPECT_EQ(resolve(config("", "pixel_mean: \"7,8,9\""), kData, model).config.run.pixel_mean,
            (std::vector<double>{7, 8, 9}));
}

TEST(Resolve, NormalisesPixelsForANewNetworkThatDoesNot) {
  const auto mean_of = [](const Config& given) { return resolve(given, kData, std::nullopt).config.run.pixel_mean; };
  EXPECT_TRUE(mean_of(config("")).empty());
  const Config resolved = resolve(config("", "network: resnet_v1"), kData, std::nullopt).config;
  EXPECT_EQ(resolved.run.pixel_mean, (std::vector<double>{123.675, 116.28, 103.53}));
  EXPECT_EQ(resolved.run.pixel_std, (std::vector<double>{58.395, 57.12, 57.375}));
  EXPECT_EQ(resolved.origins.at("run.pixel_std"), "network");
  EXPECT_TRUE(mean_of(config("image_shape: \"1,28,28\"", "network: mobilenet_v2")).empty());
  EXPECT_EQ(mean_of(config("", "network: mobilenet_v2, pixel_mean: \"1,2,3\"")), (std::vector<double>{1, 2, 3}));
}

TEST(Resolve, ShrinksPicturesForEvaluationBesideRandomResizedCrops) {
  const auto resize_of = [](const std::string& hyperparameters) {
    return resolve(config(hyperparameters, "augmentation: random_resized_crop"), kData, std::nullopt)
        .config.hyperparameters.resize;
  };
  EXPECT_EQ(resize_of(""), 256);
  EXPECT_EQ(resize_of("image_shape: \"3,64,96\""), 73);
  EXPECT_EQ(resize_of("resize: 240"), 240);
  EXPECT_EQ(resolve(config(""), kData, std::nullopt).config.hyperparameters.resize, std::nullopt);
}

TEST(Resolve, ChecksTheRecipe) {
  expect_contains(usage_error(config("multi_label: true", "label_smoothing: 0.1")), "run.label_smoothing");
  expect_contains(usage_error(config("", "pixel_mean: \"1,2\"")), "2 numbers for pictures of 3 channel(s)");
  expect_contains(usage_error(config("", "pixel_std: \"1,0,1\"")), "run.pixel_std: 0 divides nothing");
  expect_contains(usage_error(config("epochs: 3", "warmup_epochs: 3.5")), "3.5 is more than the 3 epochs");
  for (const char* wrong : {"0", "-1", "some", "1.5"})
    expect_contains(usage_error(config("", cat("micro_batch: ", wrong))), "neither a number of samples nor auto");
  for (const char* right : {"auto", "7"}) resolve(config("", cat("micro_batch: ", right)), kData, std::nullopt);
}

}  // namespace
}  // namespace lockstep

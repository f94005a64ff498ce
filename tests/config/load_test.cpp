#include "lockstep/config/load.h"

#include <fstream>

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep {
namespace {

using test::expect_contains;

constexpr const char* kTrain = "channels:\n  train: a.rec\n";

LoadedConfig load(const std::string& text) { return load_config_text(text, "first.yaml"); }

std::string usage_error(const std::string& text) {
  return test::expect_error(ErrorKind::kUsage, [&] { load(text); });
}

class Files : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  test::TempFolder folder_;
};

using LoadConfigFile = Files;
using LoadConfigOverride = Files;
using LoadConfigSageMaker = Files;

TEST(LoadConfig, ReadsTheThreeSections) {
  const Config config = load(R"(
channels:
  train: [a.rec, "b c.rec"]
  validation: {path: val, content_type: application/x-image, label_format: multi-hot}
hyperparameters:
  num_layers: 18
  image_shape: 3,32,48
  lr_scheduler_step: [10, 20]
  learning_rate: 1e-3
  multi_label: true
  resize: 256
run:
  output: runs/second
  seed: 7
)")
                            .config;
  EXPECT_EQ(config.channels.train.paths, (std::vector<std::string>{"a.rec", "b c.rec"}));
  EXPECT_EQ(config.channels.validation,
            (Channel{.paths = {"val"}, .content_type = "application/x-image", .label_format = "multi-hot"}));
  EXPECT_FALSE(config.channels.model.given());
  EXPECT_EQ(config.hyperparameters.num_layers, 18);
  EXPECT_EQ(config.hyperparameters.image_shape, (ImageShape{3, 32, 48}));
  EXPECT_EQ(config.hyperparameters.lr_scheduler_step, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(config.hyperparameters.learning_rate, 1e-3);
  EXPECT_TRUE(config.hyperparameters.multi_label);
  EXPECT_EQ(config.hyperparameters.resize, 256);
  EXPECT_EQ(config.run.output, "runs/second");
  EXPECT_EQ(config.run.seed, 7);
  EXPECT_FALSE(config.sagemaker_json);
}

TEST(LoadConfig, LeavesEverythingElseAtItsDefault) {
  const Config config = load(kTrain).config;
  EXPECT_EQ(config.hyperparameters, Hyperparameters());
  EXPECT_EQ(config.run, lockstep::Run());
  EXPECT_EQ(config.hyperparameters.num_layers, 152);
  EXPECT_EQ(config.run.last_batch, "use");
}

TEST(LoadConfig, KnowsWhereEveryValueCameFrom) {
  const Config config = load(std::string(kTrain) + "run:\n  seed: 7\n").config;
  EXPECT_EQ(config.origins.size(), key_rows().size());
  EXPECT_EQ(config.origins.at("channels.train"), "first.yaml:2");
  EXPECT_EQ(config.origins.at("run.seed"), "first.yaml:4");
  EXPECT_EQ(config.origins.at("hyperparameters.epochs"), "default");
}

TEST(LoadConfig, ReadsTheWordsOfPythonAndOfYaml) {
  for (const std::string yes : {"True", "true", "1", "\"1\"", "yes"})
    EXPECT_TRUE(
        load(std::string(kTrain) + "hyperparameters: {multi_label: " + yes + "}").config.hyperparameters.multi_label);
  for (const std::string no : {"False", "false", "0", "\"0\"", "no"})
    EXPECT_FALSE(
        load(std::string(kTrain) + "hyperparameters: {multi_label: " + no + "}").config.hyperparameters.multi_label);
}

TEST(LoadConfig, TakesNoneAndNothingAsUnset) {
  for (const std::string nothing : {"None", "none", "null", "~", "\"\"", ""}) {
    const Hyperparameters read = load(std::string(kTrain) + "hyperparameters:\n  resize: " + nothing +
                                      "\n  lr_scheduler_step: " + nothing + "\n  augmentation_type: " + nothing + "\n")
                                     .config.hyperparameters;
    EXPECT_EQ(read, Hyperparameters()) << nothing;
  }
}

TEST(LoadConfig, NamesLineAndNearestNameOfAnUnknownKey) {
  EXPECT_EQ(usage_error(std::string(kTrain) + "hyperparameters:\n  learning_rte: 0.1\n"),
            "first.yaml:4: hyperparameters.learning_rte: no such key; did you mean learning_rate?");
  EXPECT_EQ(usage_error(std::string(kTrain) + "run:\n  zzzzzzzz: 1\n"), "first.yaml:4: run.zzzzzzzz: no such key");
  EXPECT_EQ(usage_error(std::string(kTrain) + "runn: {}\n"), "first.yaml:3: runn: no such section; did you mean run?");
}

TEST(LoadConfig, SaysWhereAKeyBelongs) {
  EXPECT_EQ(usage_error(std::string(kTrain) + "run:\n  learning_rate: 0.1\n"),
            "first.yaml:4: run.learning_rate: no such key; learning_rate belongs under hyperparameters:");
  EXPECT_EQ(usage_error("seed: 3\n" + std::string(kTrain)), "first.yaml:1: seed: no such key; seed belongs under run:");
  EXPECT_EQ(usage_error(std::string(kTrain) + "run:\n  learning_rte: 0.1\n"),
            "first.yaml:4: run.learning_rte: no such key; did you mean hyperparameters.learning_rate?");
}

struct BadValue {
  const char* line;
  const char* complaint;
  friend void PrintTo(const BadValue& value, std::ostream* out) { *out << value.line; }
};

class LoadConfigBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(LoadConfigBadValue, IsNamedWithWhatIsAllowed) {
  EXPECT_EQ(usage_error(std::string(kTrain) + "hyperparameters:\n  " + GetParam().line + "\n"),
            std::string("first.yaml:4: hyperparameters.") + GetParam().complaint);
}

INSTANTIATE_TEST_SUITE_P(
    All, LoadConfigBadValue,
    testing::Values(
        BadValue{"learning_rate: 7", "learning_rate: 7 is not within 0..1"},
        BadValue{"learning_rate: fast", "learning_rate: \"fast\" is not a number"},
        BadValue{"learning_rate: nan", "learning_rate: nan is not finite"},
        BadValue{"epochs: 0", "epochs: 0 is less than 1"}, BadValue{"epochs: 2.5", "epochs: \"2.5\" is not an integer"},
        BadValue{"epochs: 99999999999999999999", "epochs: \"99999999999999999999\" is not an integer"},
        BadValue{"epochs:", "epochs: \"\" is not an integer"},
        BadValue{"epochs: {a: 1}", "epochs: one value is expected, or a list of values"},
        BadValue{"num_layers: 19", "num_layers: \"19\" is none of 18, 34, 50, 101, 152, 200, 20, 32, 44, 56, 110"},
        BadValue{"optimizer: lion", "optimizer: \"lion\" is none of sgd, adam, rmsprop, nag, sgd_torch"},
        BadValue{"optimizer: rmspop",
                 "optimizer: \"rmspop\" is none of sgd, adam, rmsprop, nag, sgd_torch; did you mean rmsprop?"},
        BadValue{"early_stopping: maybe", "early_stopping: \"maybe\" is neither true nor false"},
        BadValue{"lr_scheduler_step: 10,0", "lr_scheduler_step: 0 is less than 1"},
        BadValue{"lr_scheduler_step: 10;20", "lr_scheduler_step: \"10;20\" is not an integer"},
        BadValue{"image_shape: 224,224", "image_shape: \"224,224\" is not channels,height,width, as in 3,224,224"},
        BadValue{"image_shape: 4,224,224", "image_shape: 4 channels: pictures have 3 (RGB) or 1 (grey)"},
        BadValue{"image_shape: 3,224,70000", "image_shape: 70000 pixels are more than 65535"}));

TEST(LoadConfig, ListsAllMistakesAtOnce) {
  EXPECT_EQ(usage_error("hyperparameters:\n  epochs: none\n  epoch: 3\nrun:\n  seed: -1\n"),
            "3 mistakes in the configuration:\n"
            "first.yaml:3: hyperparameters.epoch: no such key; did you mean epochs?\n"
            "first.yaml:2: hyperparameters.epochs: \"none\" is not an integer\n"
            "first.yaml:5: run.seed: -1 is less than 0");
}

TEST(LoadConfig, RefusesAKeyGivenTwice) {
  EXPECT_EQ(usage_error(std::string(kTrain) + "run:\n  seed: 1\n  output: x\n  seed: 2\n"),
            "first.yaml:6: run.seed: given twice, first in first.yaml:4");
  expect_contains(usage_error(std::string(kTrain) + "channels:\n  train: b.rec\n"),
                  "first.yaml:3: channels: given twice");
}

TEST(LoadConfig, MissesTheTrainingChannel) {
  expect_contains(usage_error("run:\n  seed: 1\n"), "channels.train: missing");
  expect_contains(usage_error(""), "channels.train: missing");
  expect_contains(usage_error("channels:\n  train:\n"), "channels.train: missing");
}

TEST(LoadConfig, NamesAWrongPartOfAChannel) {
  expect_contains(usage_error("channels:\n  train: {path: a.rec, contenttype: x}\n"), "did you mean content_type?");
  expect_contains(usage_error("channels:\n  train: {path: a.rec, label_format: hot}\n"),
                  "first.yaml:2: channels.train.label_format: \"hot\" is none of auto, multi-hot, class-id");
  expect_contains(usage_error(std::string(kTrain) + "  validation: {label_format: class-id}\n"),
                  "channels.validation: has no path");
}

TEST(LoadConfig, ReadsTheAttributesOfAManifestAsListOrText) {
  const std::vector<std::string> both = {"source-ref", "bird or not"};
  for (const char* text : {"[source-ref, bird or not]", "\"source-ref,bird or not\"", "' source-ref , bird or not '"})
    EXPECT_EQ(load(cat("channels:\n  train: {path: a.manifest, attribute_names: ", text, "}\n"))
                  .config.channels.train.attribute_names,
              both)
        << text;
  const auto wrong = [](const char* text) {
    return usage_error(cat("channels:\n  train: {path: a.manifest, attribute_names: ", text, "}\n"));
  };
  for (const char* text : {"[a, b, c]", "[a, '']", "\",b\""})
    expect_contains(wrong(text), "is not the picture's attribute and the label's, as in [source-ref, class]");
}

TEST(LoadConfig, NamesTheLineThatIsNotYaml) {
  expect_contains(usage_error("channels:\n  train: [a\nrun: 3\n"), "first.yaml:");
  expect_contains(usage_error("channels:\n\ttrain: a\n"), "first.yaml:2: not valid YAML");
  expect_contains(usage_error("- 1\n- 2\n"), "first.yaml:1: \"name: value\" is expected");
  expect_contains(usage_error("channels: 7\n"), "first.yaml:1: channels: \"name: value\" is expected");
  expect_contains(usage_error(std::string(kTrain) + "---\na: 1\n"), "2 documents");
}

TEST(LoadConfig, AnswersDamagedTextWithUsageErrorsOnly) {
  const std::string whole =
      "channels:\n  train: [a.rec, 'b']\n  validation: {path: v, content_type: \"x\"}\nrun: &r\n  seed: 1\n";
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char damage : {'\0', '[', '{', ':', '*', '&', '!', '\n', '\t', '"', '\xff', '-', '|', '%'}) {
      std::string text = whole;
      text[at] = damage;
      try {
        load(text);
        load(whole.substr(0, at) + damage);
      } catch (const Error& error) {
        ASSERT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::kUsage)) << text;
      }
    }
  }
  usage_error(std::string(100'000, '['));
  usage_error(std::string(100'000, '{'));
}

TEST(LoadConfig, WarnsOfWhatHasNoEffect) {
  const auto warnings = load(std::string(kTrain) +
                             "hyperparameters: {use_weighted_loss: 1, kv_store: dist_async, early_stopping: true}\n")
                            .warnings;
  ASSERT_EQ(warnings.size(), 3u);
  expect_contains(warnings[0], "first.yaml:3: hyperparameters.use_weighted_loss: ignored");
  expect_contains(warnings[1], "exchanged synchronously");
  expect_contains(warnings[2], "no channels.validation");
}

TEST_F(LoadConfigFile, IsNamedInErrorsAndOrigins) {
  const std::string file = write("first.yaml", std::string(kTrain) + "run:\n  seeds: 1\n");
  const std::string message = test::expect_error(ErrorKind::kUsage, [&] { load_config(file, {}); });
  EXPECT_EQ(message, file + ":4: run.seeds: no such key; did you mean seed?");
}

TEST_F(LoadConfigFile, MustBeAFileOfOneMebibyteAtMost) {
  const std::string absent = (folder_ / "absent.yaml").string();
  expect_contains(test::expect_error(ErrorKind::kUsage, [&] { load_config(absent, {}); }), absent);
  expect_contains(test::expect_error(ErrorKind::kUsage, [&] { load_config(folder_.path(), {}); }), "is a folder");
  const std::string large = write("large.yaml", kTrain + std::string((1 << 20) + 1, '#'));
  expect_contains(test::expect_error(ErrorKind::kUsage, [&] { load_config(large, {}); }), "1 MiB");
}

TEST_F(LoadConfigOverride, WinsOverTheFile) {
  const std::string file = write("first.yaml", std::string(kTrain) + "run: {seed: 1}\nhyperparameters: {epochs: 3}\n");
  const std::vector<std::string> overrides = {
      "run.seed=3", "epochs=5",          "momentum=0",
      "resize=",    "train=b.rec;c.rec", "channels.train.content_type=application/x-recordio"};
  const Config config = load_config(file, overrides).config;
  EXPECT_EQ(config.run.seed, 3);
  EXPECT_EQ(config.hyperparameters.epochs, 5);
  EXPECT_EQ(config.hyperparameters.momentum, 0);
  EXPECT_EQ(config.channels.train.paths, (std::vector<std::string>{"b.rec", "c.rec"}));
  EXPECT_EQ(config.channels.train.content_type, "application/x-recordio");
  EXPECT_EQ(config.origins.at("run.seed"), "command line");
}

TEST_F(LoadConfigOverride, MistakesAreListedWithThoseOfTheFile) {
  const std::string file = write("first.yaml", std::string(kTrain) + "run: {sed: 1}\n");
  const std::vector<std::string> overrides = {"learning_rte=1", "run.epochs=3", "epochs", "learning_rate=7"};
  const std::string message = test::expect_error(ErrorKind::kUsage, [&] { load_config(file, overrides); });
  EXPECT_EQ(message, "5 mistakes in the configuration:\n" + file +
                         ":3: run.sed: no such key; did you mean seed?\n"
                         "command line: learning_rte: no such key; did you mean hyperparameters.learning_rate?\n"
                         "command line: run.epochs: no such key; epochs belongs under hyperparameters:\n"
                         "command line: epochs: key=value is expected\n"
                         "command line: hyperparameters.learning_rate: 7 is not within 0..1");
}

constexpr const char* kSageMaker = R"({
  "learning_rate": "0.01", "top_k": "2", "use_pretrained_model": "1", "epochs": 10, "num_training_samples": "606",
  "num_layers": "18", "num_classes": "10", "mini_batch_size": "128", "momentum": "0", "image_shape": "3, 224, 224",
  "lr_scheduler_step": "10, 20", "early_stopping": "True", "multi_label": "0", "weight_decay": 1e-05,
  "augmentation_type": "None", "resize": "224", "_tuning_objective_metric": "validation:accuracy",
  "sagemaker_program": "x.py", "model_prefix": "",
  "use_lr_scheduler": "1", "num_layer": "50", "seed": "3"
})";

TEST_F(LoadConfigSageMaker, ReadsTextsAsValues) {
  const std::string file = write("hyperparameters.json", kSageMaker);
  const std::vector<std::string> overrides = {"channels.train=a.rec", "validation=b.rec"};
  const Config config = load_config(file, overrides).config;
  const Hyperparameters& read = config.hyperparameters;
  EXPECT_TRUE(config.sagemaker_json);
  EXPECT_EQ(read.learning_rate, 0.01);
  EXPECT_EQ(read.top_k, 2);
  EXPECT_TRUE(read.use_pretrained_model);
  EXPECT_EQ(read.epochs, 10);
  EXPECT_EQ(read.num_layers, 18);
  EXPECT_EQ(read.momentum, 0) << "an explicit 0 is 0";
  EXPECT_EQ(read.image_shape, (ImageShape{3, 224, 224}));
  EXPECT_EQ(read.lr_scheduler_step, (std::vector<int64_t>{10, 20}));
  EXPECT_TRUE(read.early_stopping);
  EXPECT_FALSE(read.multi_label);
  EXPECT_EQ(read.weight_decay, 1e-5);
  EXPECT_EQ(read.augmentation_type, "none");
  EXPECT_EQ(config.origins.at("hyperparameters.learning_rate"), file + ":2");
}

TEST_F(LoadConfigSageMaker, UnknownKeysAreWarnings) {
  const std::string file = write("hyperparameters.json", kSageMaker);
  const std::vector<std::string> overrides = {"channels.train=a.rec", "validation=b.rec"};
  const auto warnings = load_config(file, overrides).warnings;
  ASSERT_EQ(warnings.size(), 3u) << "SageMaker's own names are silent";
  EXPECT_EQ(warnings[0],
            file + ":7: hyperparameters.use_lr_scheduler: no such key; did you mean run.lr_schedule? (ignored)");
  EXPECT_EQ(warnings[1], file + ":7: hyperparameters.num_layer: no such key; did you mean num_layers? (ignored)");
  EXPECT_EQ(warnings[2], file + ":7: hyperparameters.seed: no such key; seed belongs under run: (ignored)");
}

TEST_F(LoadConfigSageMaker, CountsAsSageMakerUnlessToldOtherwise) {
  const std::string file = write("hyperparameters.json", R"({"epochs":"2"})");
  std::vector<std::string> overrides = {"train=a.rec"};
  EXPECT_EQ(load_config(file, overrides).config.run.last_batch, "drop");
  EXPECT_EQ(load_config(file, overrides).config.origins.at("run.last_batch"), "SageMaker's JSON");
  overrides.push_back("last_batch=use");
  EXPECT_EQ(load_config(file, overrides).config.run.last_batch, "use");
}

TEST_F(LoadConfigSageMaker, MayBeNamedInYaml) {
  const std::string file = write("hyperparameters.json", R"({"epochs":"2","learning_rte":"1"})");
  const LoadedConfig loaded = load(std::string(kTrain) + "hyperparameters: " + file + "\nrun: {last_batch: use}\n");
  EXPECT_TRUE(loaded.config.sagemaker_json);
  EXPECT_EQ(loaded.config.hyperparameters.epochs, 2);
  EXPECT_EQ(loaded.config.run.last_batch, "use");
  EXPECT_EQ(loaded.warnings.size(), 1u);
  expect_contains(usage_error(std::string(kTrain) + "hyperparameters: " + file + "\nrun: {sed: 1}\n"), "run.sed");
}

TEST_F(LoadConfigSageMaker, MustBeJsonWhereYamlNamesIt) {
  expect_contains(usage_error(std::string(kTrain) + "hyperparameters: absent.json\n"),
                  "first.yaml:3: hyperparameters:");
  const std::string file = write("other.yaml", "hyperparameters: " + (folder_ / "other.yaml").string());
  expect_contains(usage_error(std::string(kTrain) + "hyperparameters: " + file + "\n"), "is not SageMaker's JSON");
}

TEST_F(LoadConfigSageMaker, BadValuesAreErrors) {
  const std::string file = write("hyperparameters.json", "{\n\"epochs\": \"many\",\n\"num_layers\": {\"a\": 1}}");
  const std::string message = test::expect_error(ErrorKind::kUsage, [&] { load_config(file, {}); });
  expect_contains(message, file + ":2: hyperparameters.epochs: \"many\" is not an integer");
  expect_contains(message, file + ":3: hyperparameters.num_layers: one value is expected");
}

TEST_F(LoadConfigSageMaker, IsToldByItsContentNotByItsName) {
  const std::string file = write("config.json", R"({"channels": {"train": "a.rec"}, "run": {"seed": 4}})");
  const Config config = load_config(file, {}).config;
  EXPECT_FALSE(config.sagemaker_json);
  EXPECT_EQ(config.run.seed, 4);
}

}  // namespace
}  // namespace lockstep

#include "initial_model.h"

#include <gtest/gtest.h>

#include "learner.h"
#include "support/expect_error.h"

namespace lockstep::train {
namespace {

using test::expect_contains;

Config config(int classes, const std::string& run = "", const std::string& hyperparameters = "") {
  return load_config_text(cat("channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", "
                              "num_classes: ",
                              classes, hyperparameters, "}\nrun: {output: x, seed: 7", run, "}\n"),
                          "test.yaml")
      .config;
}

/// A trained resnet_v2 of 20 layers; its numbers say where they come from: arrays are filled with 1, 2, 3 ... and the
/// last layer's row k with 100 + k.
model::Artefact trained(int classes, const std::vector<std::string>& names = {}, bool multi_label = false) {
  model::Artefact artefact;
  artefact.graph = model::make_network(
      "resnet_v2", {.num_layers = 20, .classes = classes, .height = 8, .width = 8, .multi_label = multi_label});
  artefact.card = {.network = "resnet_v2", .num_layers = 20, .height = 8, .width = 8, .classes = names};
  artefact.source = "first.tar.gz: image-classification-0003.params";
  float number = 0;
  for (const auto& parameter : model::infer(artefact.graph, {1, 3, 8, 8}).parameters) {
    std::vector<float> values(static_cast<size_t>(model::count(parameter.shape)), ++number);
    if (parameter.name.starts_with("fc1_"))
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = 100 + static_cast<float>(i / (values.size() / static_cast<size_t>(classes)));
    artefact.arrays.push_back(
        model::float_array((parameter.auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, values.data()));
  }
  return artefact;
}

struct Loaded {
  model::Arrays arrays, fresh;
  std::vector<std::string> notes;

  /// The first number of row k of the last layer: 100 + k of the model's, 0 for a new one.
  std::vector<float> rows() const {
    std::vector<float> firsts;
    const auto& bias = *model::find_array(arrays, "arg:fc1_bias");
    for (const float value : model::to_floats(bias)) firsts.push_back(value);
    return firsts;
  }
};

Loaded begin(const InitialModel& initial, const Config& config, const std::vector<std::string>& classes = {}) {
  Learner learner = build_learner(config, initial.graph(config), {});
  Loaded loaded{.arrays = {}, .fresh = learner.network->arrays(), .notes = {}};
  initial.load_into(*learner.network, config.run, classes, loaded.notes);
  loaded.arrays = learner.network->arrays();
  return loaded;
}

TEST(InitialModel, GivesAllItsWeightsWhereTheClassesAreItsOwn) {
  const InitialModel initial(trained(3, {"a", "b", "c"}), false);
  const Loaded loaded = begin(initial, config(3), {"a", "b", "c"});
  EXPECT_EQ(loaded.rows(), (std::vector<float>{100, 101, 102}));
  for (const char* name : {"arg:conv0_weight", "aux:bn1_moving_var"})
    EXPECT_EQ(model::find_array(loaded.arrays, name)->data, model::find_array(trained(3).arrays, name)->data) << name;
  ASSERT_EQ(loaded.notes.size(), 1u);
  expect_contains(loaded.notes[0], "come from first.tar.gz: image-classification-0003.params: all ");
  expect_contains(loaded.notes[0], "the last layer too; optimizer, epochs, rates and best accuracy start anew");
}

TEST(InitialModel, FollowsClassesInAnotherOrder) {
  const InitialModel initial(trained(3, {"a", "b", "c"}), false);
  EXPECT_EQ(begin(initial, config(3), {"c", "a", "b"}).rows(), (std::vector<float>{102, 100, 101}));
}

TEST(InitialModel, GetsANewLastLayerForOtherClasses) {
  for (const auto& [count, names] : {std::pair{2, std::vector<std::string>{"a", "b"}},
                                     {3, std::vector<std::string>{"a", "b", "d"}},
                                     {5, std::vector<std::string>{}}}) {
    const Loaded loaded = begin(InitialModel(trained(3, {"a", "b", "c"}), false), config(count), names);
    EXPECT_EQ(loaded.rows(), std::vector<float>(static_cast<size_t>(count)));
    EXPECT_EQ(model::find_array(loaded.arrays, "arg:fc1_weight")->data,
              model::find_array(loaded.fresh, "arg:fc1_weight")->data);
    EXPECT_EQ(model::to_floats(*model::find_array(loaded.arrays, "arg:bn_data_beta"))[0], 2);
    expect_contains(loaded.notes.at(0), "the last layer is new");
  }
}

TEST(InitialModel, KeepsTheRowsOfKnownClassesWhenItGrows) {
  const Config grows = config(4, ", grow_classes: true");
  const InitialModel initial(trained(2, {"dog", "cat"}), false);
  const std::vector<std::string> classes = initial.classes(grows.run, {"bird", "cat", "fish"});
  EXPECT_EQ(classes, (std::vector<std::string>{"dog", "cat", "bird", "fish"}));
  const Loaded loaded = begin(initial, grows, classes);
  EXPECT_EQ(loaded.rows(), (std::vector<float>{100, 101, 0, 0}));
  expect_contains(loaded.notes.at(0), "of the last layer the rows of 2 classes; 2 are new");

  const InitialModel unnamed(trained(2), false);
  EXPECT_EQ(begin(unnamed, grows).rows(), (std::vector<float>{100, 101, 0, 0})) << "by number where there are no names";
}

TEST(InitialModel, OfPretrainedWeightsTheLastLayerIsAlwaysNew) {
  const InitialModel initial(trained(3), true);
  EXPECT_EQ(begin(initial, config(3)).rows(), std::vector<float>(3));
  EXPECT_TRUE(initial.facts().is_pretrained);
  EXPECT_TRUE(initial.classes(config(3).run, {}).empty());
}

TEST(InitialModel, BecomesMultiLabel) {
  const Config both = config(3, "", ", multi_label: true");
  const InitialModel initial(trained(3), false);
  EXPECT_TRUE(model::find_output(initial.graph(both)).multi_label);
  EXPECT_EQ(begin(initial, both).rows(), (std::vector<float>{100, 101, 102}));
}

TEST(InitialModel, NamesWhatDoesNotFit) {
  model::Artefact artefact = trained(3);
  std::erase_if(artefact.arrays, [](const auto& array) { return array.name == "arg:conv0_weight"; });
  const InitialModel initial(artefact, false);
  expect_contains(test::expect_error(ErrorKind::kData, [&] { begin(initial, config(3)); }),
                  "does not fit the network of this run: arg:conv0_weight is absent");
}

TEST(InitialModel, SaysWhatWasNotUsed) {
  model::Artefact artefact = trained(3);
  artefact.arrays.push_back(model::float_array("arg:embedding", {1}, std::vector<float>{1}.data()));
  expect_contains(begin(InitialModel(artefact, false), config(3)).notes.at(0), "arrays, not arg:embedding");
}

TEST(InitialModel, TellsItsPreprocessing) {
  model::Artefact artefact = trained(3);
  artefact.card.resize = 256;
  artefact.card.mean = {1, 2, 3};
  artefact.card.network = "";
  const ModelFacts facts = InitialModel(artefact, false).facts();
  EXPECT_EQ(facts.network, "symbol");
  EXPECT_EQ(facts.resize, 256);
  EXPECT_EQ(facts.mean, artefact.card.mean);
  EXPECT_EQ(facts.num_classes, 3);
  EXPECT_EQ(facts.name, artefact.source);
}

}  // namespace
}  // namespace lockstep::train

#include "lockstep/config/sagemaker.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lockstep/config/load.h"
#include "support/temp_folder.h"

namespace lockstep {
namespace {

Config config(const std::string& hyperparameters, const std::string& run = "") {
  return load_config_text("channels: {train: a.rec}\nhyperparameters: {" + hyperparameters + "}\nrun: {" + run + "}",
                          "first.yaml")
      .config;
}

TEST(SageMaker, WritesEveryValueAsAText) {
  const auto json = nlohmann::json::parse(
      to_sagemaker(config("num_classes: 2, num_training_samples: 100, image_shape: \"3,64,64\", multi_label: true, "
                          "early_stopping: true, lr_scheduler_step: \"10,20\", learning_rate: 0.01, top_k: 2"))
          .json);
  for (const auto& [name, value] : json.items()) EXPECT_TRUE(value.is_string()) << name;
  EXPECT_EQ(json["num_classes"], "2");
  EXPECT_EQ(json["image_shape"], "3,64,64");
  EXPECT_EQ(json["multi_label"], "1");
  EXPECT_EQ(json["use_pretrained_model"], "0");
  EXPECT_EQ(json["early_stopping"], "True");
  EXPECT_EQ(json["lr_scheduler_step"], "10,20");
  EXPECT_EQ(json["learning_rate"], "0.01");
  EXPECT_FALSE(json.contains("augmentation_type")) << "none is said by silence";
  EXPECT_FALSE(json.contains("resize")) << "unset";
}

TEST(SageMaker, ReadsBackWhatItWrote) {
  const Config before = config(
      "num_classes: 3, num_training_samples: 50, optimizer: adam, augmentation_type: crop_color, resize: 256, "
      "num_layers: 50, use_weighted_loss: true, eps: 1e-7");
  const test::TempFolder folder;
  write_atomic(folder / "hyperparameters.json", to_sagemaker(before).json);
  const std::vector<std::string> channel{"channels.train=a.rec"};
  const Config after = load_config(folder / "hyperparameters.json", channel).config;
  EXPECT_EQ(after.hyperparameters, before.hyperparameters);
}

TEST(SageMaker, ListsWhatItHasNoWordFor) {
  EXPECT_TRUE(to_sagemaker(config("optimizer: adam", "seed: 3, keep_checkpoints: 9, device: cpu")).beyond.empty());
  const auto beyond = to_sagemaker(config("optimizer: sgd_torch, precision_dtype: bfloat16",
                                          "label_smoothing: 0.1, network: resnet_v1, sampler: balanced"))
                          .beyond;
  EXPECT_EQ(beyond, (std::vector<std::string>{"hyperparameters.optimizer: sgd_torch",
                                              "hyperparameters.precision_dtype: bfloat16", "run.sampler: balanced",
                                              "run.label_smoothing: 0.1", "run.network: resnet_v1"}));
}

}  // namespace
}  // namespace lockstep

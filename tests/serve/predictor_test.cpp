#include "lockstep/serve/predictor.h"

#include <cmath>

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "lockstep/model/artefact.h"
#include "lockstep/nn/input.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::serve {
namespace {

/// A small network with random weights as model.tar.gz, and a picture for it.
class PredictorTest : public testing::Test {
 protected:
  void SetUp() override {
    model::Card card;
    card.network = "resnet_v2";
    card.num_layers = 20;
    card.height = card.width = 8;
    card.classes = {"cat", "dog", "emu"};
    write_model(card, false);
    image::Image image;
    image.resize(12, 10, 3);
    Rng rng(1, RngUse::kTest);
    for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(rng.next());
    image::encode(image, image::Format::kPng, 3, picture_);
  }

  void write_model(const model::Card& card, bool multi_label) {
    const model::Graph graph = model::make_network(
        "resnet_v2",
        {.num_layers = 20, .classes = 3, .height = card.height, .width = card.width, .multi_label = multi_label});
    network_ = std::make_unique<nn::Network>(graph, model::Shape{1, 3, card.height, card.width}, 5);
    model::write_artefact(folder_ / "model", {.graph = graph, .arrays = network_->arrays(), .card = card, .epoch = 1},
                          false);
    model::pack_artefact(folder_ / "model", folder_ / "model.tar.gz");
  }

  /// The picture through the same network by hand.
  std::vector<float> expected(const image::PlanOptions& options) {
    const image::Header header = image::probe(picture_, 1000);
    const image::Plan plan = image::plan(header, Rng(0, RngUse::kAugment), options);
    image::Image pixels;
    image::decode(picture_, {}, header, plan.region, 3, pixels);
    std::vector<uint8_t> input(static_cast<size_t>(options.height * options.width * 3));
    image::apply(plan, pixels, options, input);
    nn::Network network(network_->graph(), {1, 3, options.height, options.width}, 0);
    network.load(network_->arrays());
    const at::Tensor logits =
        network.forward(nn::to_input(input, 1, options.height, options.width, 3), nn::Mode::kEvaluate).contiguous();
    return {logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + 3};
  }

  test::TempFolder folder_;
  std::unique_ptr<nn::Network> network_;
  std::vector<std::byte> picture_;
};

TEST_F(PredictorTest, GivesTheLogitsOfTheNetwork) {
  Predictor predictor({.model = folder_ / "model.tar.gz", .threads = 1});
  EXPECT_EQ(predictor.logits({picture_}).front(), expected({.height = 8, .width = 8}));
  EXPECT_EQ(predictor.class_name(1), "dog");
  EXPECT_EQ(predictor.class_name(7), "7");
}

TEST_F(PredictorTest, ProbabilitiesOfOneLabelAddUpToOne) {
  Predictor predictor({.model = folder_ / "model", .threads = 1});
  const auto row = predictor.probabilities({picture_}).front();
  EXPECT_NEAR(row[0] + row[1] + row[2], 1, 1e-6);
}

TEST_F(PredictorTest, SeveralLabelsHaveOneSigmoidEach) {
  model::Card card;
  card.height = card.width = 8;
  card.multi_label = true;
  write_model(card, true);
  Predictor predictor({.model = folder_ / "model", .threads = 1});
  EXPECT_TRUE(predictor.multi_label());
  const auto logits = predictor.logits({picture_}).front();
  const auto row = predictor.probabilities({picture_}).front();
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(row[k], 1 / (1 + std::exp(-logits[k])), 1e-6);
}

TEST_F(PredictorTest, StretchesWhenAskedTo) {
  Predictor predictor({.model = folder_ / "model", .inference_resize = "stretch", .threads = 1});
  EXPECT_EQ(predictor.logits({picture_}).front(), expected({.height = 8, .width = 8, .stretch = true}));
}

TEST_F(PredictorTest, TakesAnotherImageShape) {
  Predictor predictor({.model = folder_ / "model", .image_shape = "3,10,12", .threads = 1});
  EXPECT_EQ(predictor.logits({picture_}).front(), expected({.height = 10, .width = 12}));
  test::expect_contains(
      test::expect_error(ErrorKind::kUsage, [&] { Predictor({.model = folder_ / "model", .image_shape = "3,10"}); }),
      "3,10");
}

TEST_F(PredictorTest, NamesABrokenPicture) {
  Predictor predictor({.model = folder_ / "model", .threads = 1});
  std::vector<std::byte> broken(picture_.begin(), picture_.begin() + 40);
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { predictor.logits({picture_, broken}); }),
                        "picture 2");
}

}  // namespace
}  // namespace lockstep::serve

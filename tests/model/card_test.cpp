#include "lockstep/model/card.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

Card full_card() {
  return {.network = "resnet_v2",
          .num_layers = 50,
          .channels = 3,
          .height = 96,
          .width = 128,
          .classes = {"cat", "dög"},
          .multi_label = true,
          .resize = 256,
          .stretch = true,
          .mean = {123.68, 116.779, 103.939},
          .std = {58.4, 57.1, 57.4},
          .top_k = 5,
          .origin = {{"epoch", "7"}, {"run", "runs/first"}}};
}

void expect_same(const Card& a, const Card& b) {
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.num_layers, b.num_layers);
  EXPECT_EQ(a.channels, b.channels);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.classes, b.classes);
  EXPECT_EQ(a.multi_label, b.multi_label);
  EXPECT_EQ(a.resize, b.resize);
  EXPECT_EQ(a.stretch, b.stretch);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(a.top_k, b.top_k);
  EXPECT_EQ(a.origin, b.origin);
}

TEST(Card, ReadsWhatItWrote) {
  expect_same(parse_card(card_text(full_card()), "x"), full_card());
  expect_same(parse_card(card_text({}), "x"), {});
}

TEST(Card, AbsentKeysHaveTheirDefaults) { expect_same(parse_card("{\"format\": 1}", "x"), {}); }

TEST(Card, NamesTheKeyThatIsWrong) {
  const auto expect_named = [](const std::string& rest, const std::string& key) {
    const std::string message =
        expect_error(ErrorKind::kData, [&] { parse_card("{\"format\": 1, " + rest + "}", "runs/lockstep.json"); });
    expect_contains(message, "runs/lockstep.json");
    expect_contains(message, key);
  };
  expect_named(R"("num_layers": "50")", "num_layers");
  expect_named(R"("num_layers": 1.5)", "num_layers");
  expect_named(R"("classes": [1])", "classes");
  expect_named(R"("image_shape": [3, 224])", "image_shape");
  expect_named(R"("image_shape": [3, 0, 224])", "image_shape");
  expect_named(R"("preprocessing": {"mean": [1, 2]})", "mean");
  expect_named(R"("preprocessing": {"std": [1, 0, 2]})", "std");
  expect_named(R"("preprocessing": {"strech": true})", "strech");
  expect_named(R"("preprocessing": 1)", "preprocessing");
  expect_named(R"("colour": 1)", "colour");
  expect_named(R"("format": 1)", "format");
}

TEST(Card, RefusesAFormatThatItDoesNotKnow) {
  expect_contains(expect_error(ErrorKind::kData, [] { parse_card("{\"format\": 2}", "x"); }), "format");
  expect_contains(expect_error(ErrorKind::kData, [] { parse_card("[]", "x"); }), "x");
  expect_contains(expect_error(ErrorKind::kData, [] { parse_card("{", "x"); }), "not JSON");
}

TEST(Card, RefusesNamesThatAreNotUtf8) {
  Card card = full_card();
  card.classes = {"\xff"};
  expect_contains(expect_error(ErrorKind::kData, [&] { card_text(card); }), "UTF-8");
}

}  // namespace
}  // namespace lockstep::model

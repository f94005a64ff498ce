#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lockstep/track/metrics.h"
#include "support/expect_error.h"

namespace lockstep::track {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> all;
  for (const auto& [key, value] : object.items()) all.push_back(key);
  return all;
}

Report single_label() {
  Metrics metrics(2, false, {1, 2});
  metrics.add(std::vector<float>{2, 1}, std::vector<float>{0});
  metrics.add(std::vector<float>{2, 1}, std::vector<float>{1});
  return metrics.report();
}

Report multi_label() {
  Metrics metrics(2, true, {}, 0.4, true);
  metrics.add(std::vector<float>{2, -1}, std::vector<float>{1, 0});
  return metrics.report();
}

TEST(Report, BecomesTheObjectOfEvaluate) {
  const Json json = Json::parse(to_event(single_label(), {"cat", "dog"}).json());
  EXPECT_EQ(keys(json), (std::vector<std::string>{"count", "accuracy", "top_k_accuracy", "cross_entropy", "classes",
                                                  "confusion_matrix", "per_class", "micro", "macro", "weighted"}));
  EXPECT_EQ(json["count"], 2);
  EXPECT_EQ(json["accuracy"], 0.5);
  EXPECT_EQ(json["top_k_accuracy"], Json::parse(R"({"1": 0.5, "2": 1.0})"));
  EXPECT_EQ(json["classes"], Json::parse(R"(["cat", "dog"])"));
  EXPECT_EQ(json["confusion_matrix"], Json::parse("[[1, 0], [1, 0]]"));
  EXPECT_EQ(keys(json["per_class"][1]), (std::vector<std::string>{"class", "precision", "recall", "f1", "support"}));
  EXPECT_EQ(json["per_class"][0]["class"], "cat");
  EXPECT_EQ(json["per_class"][0]["precision"], 0.5);
  EXPECT_EQ(keys(json["macro"]), (std::vector<std::string>{"precision", "recall", "f1", "support"}));
}

TEST(Report, OfSeveralLabelsAddsThresholdAndAveragePrecision) {
  const Json json = Json::parse(to_event(multi_label(), {"cat", "dog"}).json());
  EXPECT_EQ(json["threshold"], 0.4);
  EXPECT_EQ(json["average_precision"], Json::parse("[1.0, 0.0]"));
  EXPECT_FALSE(json.contains("top_k_accuracy"));
  EXPECT_FALSE(json.contains("confusion_matrix"));
}

TEST(Report, NumbersClassesThatHaveNoNames) {
  EXPECT_EQ(Json::parse(to_event(single_label(), {}).json())["classes"], Json::parse(R"(["0", "1"])"));
}

TEST(Report, IsAnAlignedTableForPeople) {
  EXPECT_EQ(to_table(single_label(), {"cat", "dog"}, 80), R"(samples              2
accuracy        0.5000
top-2 accuracy  1.0000
cross entropy   0.8133

class     precision  recall      F1  support
cat          0.5000  1.0000  0.6667        1
dog          0.0000  0.0000  0.0000        1
micro        0.5000  0.5000  0.5000        2
macro        0.2500  0.5000  0.3333        2
weighted     0.2500  0.5000  0.3333        2

truth \ predicted  cat  dog
cat                  1    0
dog                  1    0
)");
}

TEST(Report, LeavesOutAConfusionMatrixThatDoesNotFit) {
  test::expect_contains(to_table(single_label(), {"cat", "dog"}, 27), "truth");
  EXPECT_EQ(to_table(single_label(), {"cat", "dog"}, 26).find("truth"), std::string::npos);
}

TEST(Report, ShortensLongNamesBetweenCharacters) {
  const std::string table =
      to_table(single_label(), {std::string(40, 'x'), "Söü\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc"}, 80);
  test::expect_contains(table, '\n' + std::string(26, 'x') + ".. ");
  test::expect_contains(table, "xxxxxxxx..  Söüäöüäö..\n");
}

TEST(Report, OfSeveralLabelsShowsAveragePrecision) {
  const std::string table = to_table(multi_label(), {"cat", "dog"}, 80);
  test::expect_contains(table, "mean average precision  0.5000\n");
  test::expect_contains(table, "threshold               0.4000\n");
  test::expect_contains(table, "average precision\ncat");
}

}  // namespace
}  // namespace lockstep::track

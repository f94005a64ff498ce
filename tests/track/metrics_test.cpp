#include "lockstep/track/metrics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::track {
namespace {

using Values = std::vector<float>;

void add(Metrics& metrics, const Values& logits, const Values& labels) { metrics.add(logits, labels); }

void expect_score(const Score& score, double precision, double recall, double f1, int64_t support) {
  EXPECT_DOUBLE_EQ(score.precision, precision);
  EXPECT_DOUBLE_EQ(score.recall, recall);
  EXPECT_DOUBLE_EQ(score.f1, f1);
  EXPECT_EQ(score.support, support);
}

// Truth 0 0 0 1 1 2, predicted 0 0 1 1 2 0; class 3 occurs nowhere.
Metrics six_samples() {
  Metrics metrics(4, false, {2, 5});
  add(metrics, {3, 2, 1, 0}, {0});
  add(metrics, {3, 2, 1, 0}, {0});
  add(metrics, {2, 3, 1, 0}, {0});
  add(metrics, {2, 3, 1, 0}, {1});
  add(metrics, {0, 1, 3, 2}, {1});
  add(metrics, {3, 0, 2, 1}, {2});
  return metrics;
}

TEST(Metrics, CountsTheConfusionMatrixTruthByPrediction) {
  const Report report = six_samples().report();
  EXPECT_EQ(report.count, 6);
  EXPECT_EQ(report.confusion,
            (std::vector<std::vector<int64_t>>{{2, 1, 0, 0}, {0, 1, 1, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}}));
}

// precision_recall_fscore_support(labels=range(4), zero_division=0) of scikit-learn.
TEST(Metrics, FollowsTheConventionsOfScikitLearn) {
  const Report report = six_samples().report();
  expect_score(report.per_class[0], 2.0 / 3, 2.0 / 3, 2.0 / 3, 3);
  expect_score(report.per_class[1], 0.5, 0.5, 0.5, 2);
  expect_score(report.per_class[2], 0, 0, 0, 1);
  expect_score(report.per_class[3], 0, 0, 0, 0);
  expect_score(report.micro, 0.5, 0.5, 0.5, 6);
  expect_score(report.macro, 7.0 / 24, 7.0 / 24, 7.0 / 24, 6);
  expect_score(report.weighted, 0.5, 0.5, 0.5, 6);
}

TEST(Metrics, CountsTopKAscendingWithOneAmongThemAlways) {
  const Metrics metrics = six_samples();
  EXPECT_DOUBLE_EQ(metrics.top_k_accuracy(1), 0.5);
  EXPECT_DOUBLE_EQ(metrics.accuracy(), 0.5);
  const std::vector<std::pair<int, double>> expected = {{1, 0.5}, {2, 5.0 / 6}, {5, 1.0}};
  EXPECT_EQ(metrics.report().top_k, expected) << "five of four classes are all of them";
  test::expect_error(ErrorKind::kBug, [&] { metrics.top_k_accuracy(3); });
}

TEST(Metrics, BreaksTiesInFavourOfTheFirstClass) {
  Metrics metrics(3, false, {2});
  add(metrics, {1, 1, 1}, {0});
  add(metrics, {1, 1, 1}, {1});
  add(metrics, {1, 1, 1}, {2});
  EXPECT_DOUBLE_EQ(metrics.accuracy(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.top_k_accuracy(2), 2.0 / 3);
  EXPECT_EQ(metrics.report().confusion, (std::vector<std::vector<int64_t>>{{1, 0, 0}, {1, 0, 0}, {1, 0, 0}}));
}

TEST(Metrics, DoesNotCountANotANumberAsAHit) {
  Metrics metrics(3, false, {});
  const float nan = std::nanf("");
  add(metrics, {nan, 1, 0}, {0});
  add(metrics, {nan, 1, 0}, {1});
  add(metrics, {nan, nan, nan}, {2});
  EXPECT_DOUBLE_EQ(metrics.accuracy(), 1.0 / 3);
  EXPECT_TRUE(std::isnan(metrics.cross_entropy()));
}

TEST(Metrics, AveragesTheCrossEntropyOfTheSoftmax) {
  Metrics metrics(2, false, {});
  add(metrics, {0, 0}, {1});
  add(metrics, {std::log(3.0f), 0}, {0});
  EXPECT_NEAR(metrics.cross_entropy(), (std::log(2.0) + std::log(4.0 / 3)) / 2, 1e-7);
}

TEST(Metrics, ComputesCrossEntropyOfLargeLogitsWithoutOverflow) {
  Metrics metrics(2, false, {});
  add(metrics, {1000, -1000}, {1});
  EXPECT_DOUBLE_EQ(metrics.cross_entropy(), 2000);
  Metrics multi(1, true, {});
  add(multi, {-1000}, {1});
  add(multi, {1000}, {1});
  EXPECT_DOUBLE_EQ(multi.cross_entropy(), 500);
}

TEST(Metrics, RefusesALabelThatIsNoClass) {
  Metrics metrics(3, false, {});
  for (const float label : {-1.0f, 3.0f, 0.5f, std::nanf("")})
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { add(metrics, {1, 2, 3}, {label}); }), "0 to 2");
  test::expect_error(ErrorKind::kBug, [&] { add(metrics, {1, 2}, {0}); });
  EXPECT_EQ(metrics.count(), 0);
}

TEST(Metrics, IsAllZeroesBeforeTheFirstSample) {
  for (const bool multi_label : {false, true}) {
    const Report report = Metrics(2, multi_label, {}).report();
    EXPECT_EQ(report.count, 0);
    EXPECT_EQ(report.accuracy, 0);
    EXPECT_EQ(report.cross_entropy, 0);
    expect_score(report.micro, 0, 0, 0, 0);
    expect_score(report.weighted, 0, 0, 0, 0);
  }
}

TEST(Metrics, OfAllSamplesAreTheSumsOfTheRanks) {
  for (const bool multi_label : {false, true}) {
    Metrics whole(3, multi_label, {2}), ranks[] = {Metrics(3, multi_label, {2}), Metrics(3, multi_label, {2})};
    for (int i = 0; i < 11; ++i) {
      const Values logits = {std::sin(float(i)), std::sin(2 * float(i)), std::sin(3 * float(i))};
      const Values labels = multi_label ? Values{float(i % 2), float(i % 3 == 0), 1} : Values{float(i % 3)};
      add(whole, logits, labels);
      add(ranks[i % 2], logits, labels);
    }
    std::vector<double> sums = ranks[0].sums();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += ranks[1].sums()[i];
    ranks[0].load_sums(sums);
    const Report expected = whole.report(), report = ranks[0].report();
    EXPECT_EQ(report.count, 11);
    EXPECT_EQ(report.confusion, expected.confusion);
    EXPECT_EQ(report.top_k, expected.top_k);
    EXPECT_DOUBLE_EQ(report.accuracy, expected.accuracy);
    EXPECT_DOUBLE_EQ(report.cross_entropy, expected.cross_entropy);
    EXPECT_DOUBLE_EQ(report.macro.f1, expected.macro.f1);
  }
  Metrics metrics(3, false, {2});
  test::expect_error(ErrorKind::kBug, [&] { metrics.load_sums(std::vector<double>(3)); });
}

TEST(Metrics, BeginAgainAfterReset) {
  Metrics metrics = six_samples();
  metrics.reset();
  EXPECT_EQ(metrics.count(), 0);
  EXPECT_EQ(metrics.accuracy(), 0);
  add(metrics, {3, 2, 1, 0}, {0});
  EXPECT_EQ(metrics.accuracy(), 1);
}

TEST(Metrics, DoWithoutAConfusionMatrixWhenThereAreVeryManyClasses) {
  const int classes = kMaxConfusionClasses + 1;
  Metrics metrics(classes, false, {5});
  Values logits(static_cast<size_t>(classes));
  logits[2000] = 1;
  add(metrics, logits, {2000});
  const Report report = metrics.report();
  EXPECT_LT(metrics.sums().size(), 10'000u);
  EXPECT_TRUE(report.confusion.empty());
  expect_score(report.per_class[2000], 1, 1, 1, 1);
}

// Three labels: p = s(logit), threshold 0.5.
//   truth 1 0 1, predicted 1 0 0;  truth 0 0 1, predicted 1 0 1;  truth 1 0 1, predicted 1 0 1
Metrics three_multi_label_samples(double threshold = 0.5) {
  Metrics metrics(3, true, {5}, threshold, true);
  add(metrics, {2, -1, -1}, {1, 0, 1});
  add(metrics, {1, -2, 3}, {0, 0, 1});
  add(metrics, {3, -3, 0}, {1, 0, 2});
  return metrics;
}

TEST(Metrics, OfSeveralLabelsAverageTheAccuracyOverTheLabels) {
  const Report report = three_multi_label_samples().report();
  EXPECT_TRUE(report.multi_label);
  EXPECT_DOUBLE_EQ(report.accuracy, 7.0 / 9);
  EXPECT_TRUE(report.top_k.empty());
  EXPECT_TRUE(report.confusion.empty());
}

TEST(Metrics, OfSeveralLabelsScoreEachLabelByItself) {
  const Report report = three_multi_label_samples().report();
  expect_score(report.per_class[0], 2.0 / 3, 1, 0.8, 2);
  expect_score(report.per_class[1], 0, 0, 0, 0);
  expect_score(report.per_class[2], 1, 2.0 / 3, 0.8, 3);
  expect_score(report.micro, 0.8, 0.8, 0.8, 5);
  expect_score(report.macro, 5.0 / 9, 5.0 / 9, 1.6 / 3, 5);
  expect_score(report.weighted, (2 * 2.0 / 3 + 3) / 5, 0.8, 0.8, 5);
}

TEST(Metrics, TakeAProbabilityAtTheThresholdAsYes) {
  EXPECT_EQ(three_multi_label_samples(0.5).report().per_class[2].recall, 2.0 / 3) << "s(0) is 0.5";
  EXPECT_EQ(three_multi_label_samples(0.51).report().per_class[2].recall, 1.0 / 3);
}

TEST(Metrics, OfSeveralLabelsAverageTheBinaryCrossEntropyOverSamplesAndLabels) {
  Metrics metrics(2, true, {});
  add(metrics, {0, std::log(3.0f)}, {1, 0});
  EXPECT_NEAR(metrics.cross_entropy(), (std::log(2.0) + std::log(4.0)) / 2, 1e-7);
}

// average_precision_score of scikit-learn: (1/1 + 2/3) / 2 for the first label below.
TEST(Metrics, AveragePrecisionIsTheAreaUnderTheStepsOfPrecision) {
  Metrics metrics(2, true, {}, 0.5, true);
  add(metrics, {4, 1}, {1, 1});
  add(metrics, {3, 1}, {0, 0});
  add(metrics, {2, 1}, {1, 0});
  add(metrics, {1, 1}, {0, 0});
  const Report report = metrics.report();
  ASSERT_EQ(report.average_precision.size(), 2u);
  EXPECT_DOUBLE_EQ(report.average_precision[0], (1.0 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(report.average_precision[1], 0.25) << "equal scores enter together, whatever their order";
}

TEST(Metrics, AveragePrecisionOfAllRanksComesFromTheirScoresTogether) {
  const Metrics one = three_multi_label_samples();
  Metrics all(3, true, {}, 0.5, true);
  all.load_sums(one.sums());
  all.load_scores(one.scores(), one.score_labels());
  EXPECT_EQ(all.report().average_precision, one.report().average_precision);
  EXPECT_EQ(one.report().average_precision[1], 0) << "a label that never occurs";
}

TEST(Metrics, KeepScoresOnlyWhenAsked) {
  Metrics metrics(2, true, {});
  add(metrics, {1, 2}, {1, 0});
  EXPECT_TRUE(metrics.scores().empty());
  EXPECT_TRUE(metrics.report().average_precision.empty());
}

}  // namespace
}  // namespace lockstep::track

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lockstep/track/events.h"

namespace lockstep::track {

/// Precision, recall and F1; 0 where the denominator is 0.
struct Score {
  double precision = 0, recall = 0, f1 = 0;
  int64_t support = 0;
};

/// What a classifier did on a set of samples, all exact.
struct Report {
  int64_t count = 0;
  bool multi_label = false;
  double accuracy = 0;                        ///< multi-label: mean over all labels, as SageMaker logs it
  double cross_entropy = 0;                   ///< mean of -ln p[label]; multi-label: mean over samples and labels
  std::vector<std::pair<int, double>> top_k;  ///< k -> accuracy, ascending; single label only
  std::vector<std::vector<int64_t>>
      confusion;  ///< [truth][predicted]; single label and at most kMaxConfusionClasses only
  std::vector<Score> per_class;
  Score micro;             ///< of all decisions together
  Score macro, weighted;   ///< means over all classes, equal or by support
  double threshold = 0.5;  ///< multi-label: p >= threshold is yes
  std::vector<double>
      average_precision;  ///< multi-label: per label, 0 without a positive; empty when scores were not kept
};

/// Beyond this many classes a confusion matrix (8 bytes a cell in every rank's sums) is neither counted nor reported.
inline constexpr int kMaxConfusionClasses = 2048;

/// Counts what is needed for a Report. Sums of different ranks add up: sums() of all ranks added, then load_sums(),
/// gives the report of all samples. Argmax ties go to the first maximum; a label counts as among the k largest when
/// fewer than k classes score strictly higher or equal with a smaller index. A logit that is not a number scores below
/// all others. One thread.
class Metrics {
 public:
  /// k may exceed the number of classes (then every sample is a hit); multi-label has no top k.
  Metrics(int classes, bool multi_label, std::vector<int> top_k, double threshold = 0.5, bool keep_scores = false);

  /// logits: [classes]; labels: one class index, or multi-label [classes] of 0 and 1 (more than 0.5 is 1). A class
  /// index that is no class is a data Error.
  void add(std::span<const float> logits, std::span<const float> labels);

  std::vector<double> sums() const;
  void load_sums(std::span<const double> sums);
  /// Multi-label average precision needs all scores: the logits [samples * classes] of this rank, and their labels.
  const std::vector<float>& scores() const { return scores_; }
  const std::vector<float>& score_labels() const { return score_labels_; }
  void load_scores(std::vector<float> scores, std::vector<float> labels);

  int64_t count() const;
  double accuracy() const;  ///< so far
  double cross_entropy() const;
  double top_k_accuracy(int k) const;  ///< k must be one of the constructor's, 1 always works
  Report report() const;
  void reset();

 private:
  void add_single(std::span<const float> logits, float label);
  void add_multi(std::span<const float> logits, std::span<const float> labels);
  double row_sum(size_t row) const;
  Score score(size_t label) const;
  void average(Report& report) const;

  size_t classes_;
  bool multi_label_;
  std::vector<int> top_k_;  // ascending, 1 among them; empty for multi-label
  double threshold_;
  bool keep_scores_;
  // count, sum of cross entropies | [3][classes] agreed, predicted, true | [top_k] hits | [classes][classes] truth,
  // predicted
  std::vector<double> sums_;
  std::vector<float> scores_, score_labels_;
};

/// PRODUCT's object of `evaluate --json`.
Event to_event(const Report& report, const std::vector<std::string>& classes);

/// For people: headline figures, per class precision, recall, F1 and support, and the confusion matrix when it fits
/// `columns`.
std::string to_table(const Report& report, const std::vector<std::string>& classes, int columns);

}  // namespace lockstep::track

#include "lockstep/track/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lockstep/core/error.h"

namespace lockstep::track {

namespace {

// Positions in the sums; the rows of `classes` entries begin behind the first two.
enum : size_t { kCount = 0, kCrossEntropy = 1, kRows = 2 };
enum Row : size_t { kAgreed = 0, kPredicted = 1, kTrue = 2, kRowCount = 3 };

float comparable(float logit) { return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit; }

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

Score make_score(double agreed, double predicted, double truth) {
  return {ratio(agreed, predicted), ratio(agreed, truth), ratio(2 * agreed, predicted + truth),
          static_cast<int64_t>(truth)};
}

// Shifted by the largest logit: exp() cannot overflow and the sum is at least 1.
double softmax_cross_entropy(std::span<const float> logits, size_t label) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[label];
}

// -y ln s(x) - (1-y) ln(1-s(x)) with s the sigmoid, in the form that neither overflows nor loses small values.
double sigmoid_cross_entropy(double logit, bool is_set) {
  return std::max(logit, 0.0) - (is_set ? logit : 0.0) + std::log1p(std::exp(-std::abs(logit)));
}

double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

// The sum of (recall gained x precision) over descending scores; samples of equal score enter together.
double average_precision(std::vector<std::pair<float, bool>> samples) {
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const auto positives = std::count_if(samples.begin(), samples.end(), [](const auto& s) { return s.second; });
  double sum = 0, found = 0;
  for (size_t i = 0; i < samples.size();) {
    double gained = 0;
    const float level = samples[i].first;
    for (; i < samples.size() && samples[i].first == level; ++i) gained += samples[i].second;
    found += gained;
    sum += gained * found / static_cast<double>(i);
  }
  return ratio(sum, static_cast<double>(positives));
}

}  // namespace

Metrics::Metrics(int classes, bool multi_label, std::vector<int> top_k, double threshold, bool keep_scores)
    : classes_(static_cast<size_t>(classes)),
      multi_label_(multi_label),
      top_k_(std::move(top_k)),
      threshold_(threshold),
      keep_scores_(multi_label && keep_scores) {
  require(classes >= 1, ErrorKind::kBug, "metrics of ", classes, " classes");
  top_k_.push_back(1);
  std::sort(top_k_.begin(), top_k_.end());
  top_k_.erase(std::unique(top_k_.begin(), top_k_.end()), top_k_.end());
  require(top_k_.front() == 1, ErrorKind::kBug, "top-", top_k_.front(), " accuracy");
  if (multi_label) top_k_.clear();
  const bool has_confusion = !multi_label && classes <= kMaxConfusionClasses;
  sums_.resize(kRows + kRowCount * classes_ + top_k_.size() + (has_confusion ? classes_ * classes_ : 0));
}

void Metrics::add(std::span<const float> logits, std::span<const float> labels) {
  require(logits.size() == classes_ && labels.size() == (multi_label_ ? classes_ : 1), ErrorKind::kBug, "metrics of ",
          classes_, " classes were given ", logits.size(), " logits and ", labels.size(), " labels");
  if (multi_label_)
    add_multi(logits, labels);
  else
    add_single(logits, labels[0]);
}

void Metrics::add_single(std::span<const float> logits, float label) {
  require(label >= 0 && label < static_cast<float>(classes_) && label == std::floor(label), ErrorKind::kData, "label ",
          label, " is none of the ", classes_, " classes 0 to ", classes_ - 1);
  const auto truth = static_cast<size_t>(label);
  const float own = comparable(logits[truth]);
  size_t predicted = 0;
  int before = 0;  // classes that rank before the label
  for (size_t i = 0; i < classes_; ++i) {
    const float other = comparable(logits[i]);
    if (other > comparable(logits[predicted])) predicted = i;
    before += other > own || (other == own && i < truth);
  }
  sums_[kCount] += 1;
  sums_[kCrossEntropy] += softmax_cross_entropy(logits, truth);
  double* rows = &sums_[kRows];
  rows[kAgreed * classes_ + truth] += predicted == truth;
  rows[kPredicted * classes_ + predicted] += 1;
  rows[kTrue * classes_ + truth] += 1;
  double* hits = rows + kRowCount * classes_;
  for (const int k : top_k_) *hits++ += before < k;
  if (classes_ <= kMaxConfusionClasses) hits[truth * classes_ + predicted] += 1;
}

void Metrics::add_multi(std::span<const float> logits, std::span<const float> labels) {
  sums_[kCount] += 1;
  double* rows = &sums_[kRows];
  for (size_t i = 0; i < classes_; ++i) {
    const bool truth = labels[i] > 0.5f;
    const bool predicted = sigmoid(logits[i]) >= threshold_;
    sums_[kCrossEntropy] += sigmoid_cross_entropy(logits[i], truth);
    rows[kAgreed * classes_ + i] += truth && predicted;
    rows[kPredicted * classes_ + i] += predicted;
    rows[kTrue * classes_ + i] += truth;
    if (keep_scores_) score_labels_.push_back(truth);
  }
  if (keep_scores_) scores_.insert(scores_.end(), logits.begin(), logits.end());
}

std::vector<double> Metrics::sums() const { return sums_; }

void Metrics::load_sums(std::span<const double> sums) {
  require(sums.size() == sums_.size(), ErrorKind::kBug, "metrics hold ", sums_.size(), " sums, not ", sums.size());
  sums_.assign(sums.begin(), sums.end());
}

void Metrics::load_scores(std::vector<float> scores, std::vector<float> labels) {
  require(scores.size() == labels.size() && scores.size() % classes_ == 0, ErrorKind::kBug, scores.size(),
          " scores and ", labels.size(), " labels of ", classes_, " classes");
  scores_ = std::move(scores);
  score_labels_ = std::move(labels);
}

void Metrics::reset() {
  std::fill(sums_.begin(), sums_.end(), 0.0);
  scores_.clear();
  score_labels_.clear();
}

int64_t Metrics::count() const { return static_cast<int64_t>(sums_[kCount]); }

double Metrics::row_sum(size_t row) const {
  const auto begin = sums_.begin() + static_cast<ptrdiff_t>(kRows + row * classes_);
  return std::accumulate(begin, begin + static_cast<ptrdiff_t>(classes_), 0.0);
}

double Metrics::accuracy() const {
  if (!multi_label_) return top_k_accuracy(1);
  const double decisions = sums_[kCount] * static_cast<double>(classes_);
  return ratio(decisions - row_sum(kPredicted) - row_sum(kTrue) + 2 * row_sum(kAgreed), decisions);
}

double Metrics::cross_entropy() const {
  return ratio(sums_[kCrossEntropy], sums_[kCount] * (multi_label_ ? static_cast<double>(classes_) : 1.0));
}

double Metrics::top_k_accuracy(int k) const {
  const auto found = std::find(top_k_.begin(), top_k_.end(), k);
  require(found != top_k_.end(), ErrorKind::kBug, "top-", k, " accuracy was not counted");
  return ratio(sums_[kRows + kRowCount * classes_ + static_cast<size_t>(found - top_k_.begin())], sums_[kCount]);
}

Score Metrics::score(size_t label) const {
  const double* rows = &sums_[kRows + label];
  return make_score(rows[kAgreed * classes_], rows[kPredicted * classes_], rows[kTrue * classes_]);
}

void Metrics::average(Report& report) const {
  report.micro = make_score(row_sum(kAgreed), row_sum(kPredicted), row_sum(kTrue));
  report.macro.support = report.weighted.support = report.micro.support;
  const auto add = [](Score& sum, const Score& score, double weight) {
    sum.precision += weight * score.precision;
    sum.recall += weight * score.recall;
    sum.f1 += weight * score.f1;
  };
  for (const Score& score : report.per_class) {
    add(report.macro, score, 1 / static_cast<double>(classes_));
    add(report.weighted, score, ratio(static_cast<double>(score.support), static_cast<double>(report.micro.support)));
  }
}

Report Metrics::report() const {
  Report report;
  report.count = count();
  report.multi_label = multi_label_;
  report.accuracy = accuracy();
  report.cross_entropy = cross_entropy();
  report.threshold = threshold_;
  for (const int k : top_k_) report.top_k.emplace_back(k, top_k_accuracy(k));
  for (size_t i = 0; i < classes_; ++i) report.per_class.push_back(score(i));
  average(report);

  if (!multi_label_ && classes_ <= kMaxConfusionClasses) {
    const double* cell = &sums_[kRows + kRowCount * classes_ + top_k_.size()];
    report.confusion.assign(classes_, std::vector<int64_t>(classes_));
    for (auto& row : report.confusion)
      for (int64_t& count : row) count = static_cast<int64_t>(*cell++);
  }
  for (size_t label = 0; !scores_.empty() && label < classes_; ++label) {
    std::vector<std::pair<float, bool>> samples;
    for (size_t i = label; i < scores_.size(); i += classes_)
      samples.emplace_back(comparable(scores_[i]), score_labels_[i] > 0.5f);
    report.average_precision.push_back(average_precision(std::move(samples)));
  }
  return report;
}

}  // namespace lockstep::track

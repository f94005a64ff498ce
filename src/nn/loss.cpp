#include "lockstep/nn/loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>

#include "lockstep/core/error.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kGrain = 1 << 12;  // logits that a thread takes at least

/// What softmax_row() needs of the options, the same for every row.
class Targets {
 public:
  Targets(const LossOptions& options, int64_t classes)
      : weights_(options.class_weights),
        spread_(options.label_smoothing / static_cast<double>(classes)),
        rest_(1 - options.label_smoothing),
        spread_sum_(spread_ * std::accumulate(weights_.begin(), weights_.end(), 0.0)) {}
  /// The class's part of the smoothed target, where it is not the label.
  double away(size_t k) const { return weights_.empty() ? spread_ : weights_[k] * spread_; }
  /// What the label's target has beside that.
  double right(size_t label) const { return weights_.empty() ? rest_ : weights_[label] * rest_; }
  /// Of a row with that label.
  double sum(size_t label) const { return weights_.empty() ? 1 : spread_sum_ + right(label); }

 private:
  const std::vector<double>& weights_;
  double spread_, rest_, spread_sum_;
};

/// -sum t ln softmax(z) for the target t; turns `gradient` into (softmax(z) sum t - t) / nominal.
double softmax_row(std::span<const float> logits, int64_t label, const Targets& targets, double nominal,
                   std::span<float> gradient) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0, total = 0;
  thread_local std::vector<double> powers;
  powers.resize(logits.size());
  for (size_t k = 0; k < logits.size(); ++k) {
    powers[k] = std::exp(logits[k] - largest);
    sum += powers[k];
    total += targets.away(k) * logits[k];
  }
  const auto right = static_cast<size_t>(label);
  const double all = targets.sum(right);
  for (size_t k = 0; k < logits.size(); ++k) {
    const double target = targets.away(k) + (k == right ? targets.right(right) : 0);
    gradient[k] = static_cast<float>((powers[k] / sum * all - target) / nominal);
  }
  return all * (std::log(sum) + largest) - targets.right(right) * logits[right] - total;
}

double sigmoid_row(std::span<const float> logits, std::span<const float> labels, const LossOptions& options,
                   std::span<float> gradient) {
  const auto& [positive, negative] = options.weights;
  const auto classes = static_cast<double>(logits.size());
  double sum = 0;
  for (size_t k = 0; k < logits.size(); ++k) {
    const double z = logits[k], y = labels[k];
    const double side = positive.empty() ? 1 : y * positive[k] + (1 - y) * negative[k];
    const double weight = options.class_weights.empty() ? side : side * options.class_weights[k];
    sum += weight * (std::max(z, 0.0) - z * y + std::log1p(std::exp(-std::abs(z))));
    gradient[k] = static_cast<float>(weight * (1 / (1 + std::exp(-z)) - y) / (classes * options.nominal));
  }
  return sum / classes;
}

/// The rows' losses added in order, whatever threads computed them.
template <class Row>
at::Tensor sum_rows(const at::Tensor& logits, const Row& row) {
  std::vector<double> losses(static_cast<size_t>(logits.size(0)));
  at::parallel_for(0, logits.size(0), std::max<int64_t>(1, kGrain / logits.size(1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) losses[static_cast<size_t>(i)] = row(i);
  });
  return at::full({}, std::accumulate(losses.begin(), losses.end(), 0.0), at::kDouble);
}

template <class Value>
std::span<Value> row_of(Value* values, int64_t row, int64_t width) {
  return {values + row * width, static_cast<size_t>(width)};
}

at::Tensor place(const std::vector<double>& weights, at::Device device) {
  const auto count = static_cast<int64_t>(weights.size());
  return at::from_blob(const_cast<double*>(weights.data()), {count}, at::kDouble).to(device, at::kFloat);
}

at::Tensor weights_like(const std::vector<double>& weights, const at::Tensor& placed, const at::Tensor& logits) {
  return placed.defined() ? placed : place(weights, logits.device());
}

}  // namespace

void place_weights(LossOptions& options, at::Device device) {
  if (!options.class_weights.empty()) options.placed_classes = place(options.class_weights, device);
  if (options.weights.positive.empty()) return;
  options.placed_positive = place(options.weights.positive, device);
  options.placed_negative = place(options.weights.negative, device);
}

at::Tensor softmax_loss_by_tensors(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                                   at::Tensor& gradient) {
  const at::NoGradGuard guard;
  const double rest = 1 - options.label_smoothing;
  const double spread = options.label_smoothing / static_cast<double>(logits.size(1));
  const at::Tensor logarithms = at::log_softmax(logits, 1), targets = labels.unsqueeze(1);  // [N, K], [N, 1]
  gradient = logarithms.exp();
  if (options.class_weights.empty()) {
    gradient.sub_(spread);
    gradient.scatter_add_(1, targets, at::full_like(logarithms.narrow(1, 0, 1), -rest)).div_(options.nominal);
    return logarithms.gather(1, targets).sum(at::kDouble).mul(-rest).sub(logarithms.sum(at::kDouble).mul(spread));
  }
  const at::Tensor weights = weights_like(options.class_weights, options.placed_classes, logits);
  const at::Tensor right = weights.index_select(0, labels).unsqueeze(1).mul_(rest);  // [N, 1]
  const at::Tensor away = weights.mul(spread);                                       // [K]
  gradient.mul_(right.add(away.sum())).sub_(away);
  gradient.scatter_add_(1, targets, right.neg()).div_(options.nominal);
  return logarithms.gather(1, targets).mul_(right).sum(at::kDouble).add(logarithms.mul(away).sum(at::kDouble)).neg();
}

at::Tensor sigmoid_loss_by_tensors(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                                   at::Tensor& gradient) {
  const at::NoGradGuard guard;
  const auto classes = static_cast<double>(logits.size(1));
  at::Tensor losses = logits.clamp_min(0).sub_(logits.mul(labels)).add_(logits.abs().neg_().exp_().log1p_());
  gradient = logits.sigmoid().sub_(labels).div_(classes * options.nominal);
  if (!options.weights.positive.empty()) {
    const at::Tensor positive = weights_like(options.weights.positive, options.placed_positive, logits);
    const at::Tensor negative = weights_like(options.weights.negative, options.placed_negative, logits);
    const at::Tensor weight = labels.mul(positive.sub(negative)).add_(negative);
    losses.mul_(weight);
    gradient.mul_(weight);
  }
  if (!options.class_weights.empty()) {
    const at::Tensor weight = weights_like(options.class_weights, options.placed_classes, logits);
    losses.mul_(weight);
    gradient.mul_(weight);
  }
  return losses.sum(at::kDouble).div(classes);
}

at::Tensor softmax_loss(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                        at::Tensor& gradient) {
  if (!logits.is_cpu()) return softmax_loss_by_tensors(logits, labels, options, gradient);
  const at::AutoDispatchBelowADInplaceOrView guard;
  const at::Tensor rows = logits.contiguous(), targets = labels.contiguous();
  const int64_t classes = rows.size(1);
  gradient = at::empty_like(rows);
  const int64_t* target = targets.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.size(0); ++i)
    require(target[i] >= 0 && target[i] < classes, ErrorKind::kData, "label ", target[i], " is not within 0..",
            classes - 1, ": num_classes is ", classes);
  const float* from = rows.const_data_ptr<float>();
  float* to = gradient.mutable_data_ptr<float>();
  const Targets of_row(options, classes);
  return sum_rows(rows, [&](int64_t i) {
    return softmax_row(row_of(from, i, classes), target[i], of_row, options.nominal, row_of(to, i, classes));
  });
}

at::Tensor sigmoid_loss(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                        at::Tensor& gradient) {
  if (!logits.is_cpu()) return sigmoid_loss_by_tensors(logits, labels, options, gradient);
  const at::AutoDispatchBelowADInplaceOrView guard;
  const at::Tensor rows = logits.contiguous(), targets = labels.contiguous();
  const int64_t classes = rows.size(1);
  gradient = at::empty_like(rows);
  const float *from = rows.const_data_ptr<float>(), *target = targets.const_data_ptr<float>();
  float* to = gradient.mutable_data_ptr<float>();
  return sum_rows(rows, [&](int64_t i) {
    return sigmoid_row(row_of(from, i, classes), row_of(target, i, classes), options, row_of(to, i, classes));
  });
}

LabelWeights label_weights(const std::vector<long>& positives, long samples) {
  LabelWeights weights;
  for (const long positive : positives) {
    const bool both = positive > 0 && positive < samples;
    weights.positive.push_back(both ? static_cast<double>(samples) / (2.0 * static_cast<double>(positive)) : 1);
    weights.negative.push_back(both ? static_cast<double>(samples) / (2.0 * static_cast<double>(samples - positive))
                                    : 1);
  }
  return weights;
}

}  // namespace lockstep::nn

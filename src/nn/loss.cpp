#include "lockstep/nn/loss.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>

#include "lockstep/core/error.h"

namespace lockstep::nn {
namespace {

/// -ln softmax(z)[label]; turns `gradient` into (softmax(z) - onehot(label)) / nominal.
double softmax_row(std::span<const float> logits, int64_t label, double nominal, std::span<float> gradient) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float z : logits) sum += std::exp(z - largest);
  for (size_t k = 0; k < logits.size(); ++k)
    gradient[k] = static_cast<float>(std::exp(logits[k] - largest) / sum / nominal);
  const auto right = static_cast<size_t>(label);
  gradient[right] = static_cast<float>((std::exp(logits[right] - largest) / sum - 1) / nominal);
  return std::log(sum) + largest - logits[right];
}

}  // namespace

double softmax_loss(const at::Tensor& logits, const at::Tensor& labels, double nominal, at::Tensor& gradient) {
  const at::AutoDispatchBelowADInplaceOrView guard;
  const at::Tensor rows = logits.contiguous(), targets = labels.contiguous();
  gradient = at::empty_like(rows);
  const auto classes = static_cast<size_t>(rows.size(1));
  double sum = 0;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const int64_t label = targets.const_data_ptr<int64_t>()[i];
    require(label >= 0 && label < rows.size(1), ErrorKind::kData, "label ", label, " is not within 0..",
            rows.size(1) - 1, ": num_classes is ", rows.size(1));
    sum += softmax_row({rows.const_data_ptr<float>() + i * rows.size(1), classes}, label, nominal,
                       {gradient.mutable_data_ptr<float>() + i * rows.size(1), classes});
  }
  return sum;
}

double sigmoid_loss(const at::Tensor& logits, const at::Tensor& labels, double nominal,
                    const std::vector<double>& positive_weights, const std::vector<double>& negative_weights,
                    at::Tensor& gradient) {
  const at::AutoDispatchBelowADInplaceOrView guard;
  const at::Tensor rows = logits.contiguous(), targets = labels.contiguous();
  gradient = at::empty_like(rows);
  const auto classes = static_cast<size_t>(rows.size(1));
  double sum = 0;
  for (int64_t i = 0; i < rows.numel(); ++i) {
    const double z = rows.const_data_ptr<float>()[i], y = targets.const_data_ptr<float>()[i];
    const size_t k = static_cast<size_t>(i) % classes;
    const double weight = positive_weights.empty() ? 1 : y * positive_weights[k] + (1 - y) * negative_weights[k];
    sum += weight * (std::max(z, 0.0) - z * y + std::log1p(std::exp(-std::abs(z))));
    gradient.mutable_data_ptr<float>()[i] =
        static_cast<float>(weight * (1 / (1 + std::exp(-z)) - y) / (static_cast<double>(classes) * nominal));
  }
  return sum / static_cast<double>(classes);
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

#pragma once

#include <vector>

namespace at {
class Tensor;
}

namespace lockstep::nn {

// Both return the sum of the losses of the N samples (sigmoid: each the mean over its K labels), and divide the
// gradient by `nominal`, the size of the whole global batch.

/// Softmax cross-entropy (MXNet's SoftmaxOutput): d loss / d z = (softmax(z) - onehot(label)) / nominal.
/// logits [N, K] float; labels [N] int64, 0..K-1 or a data Error; fills `gradient` [N, K].
double softmax_loss(const at::Tensor& logits, const at::Tensor& labels, double nominal, at::Tensor& gradient);

/// Binary cross-entropy over K sigmoids (MXNet's LogisticRegressionOutput): d loss / d z = w (sigmoid(z) - y) / (K *
/// nominal), where w is 1, or for weighted loss `positive_weights[k]` where y = 1 and `negative_weights[k]` where y =
/// 0. logits [N, K] float; labels [N, K] float of 0 and 1; weights [K] or empty.
double sigmoid_loss(const at::Tensor& logits, const at::Tensor& labels, double nominal,
                    const std::vector<double>& positive_weights, const std::vector<double>& negative_weights,
                    at::Tensor& gradient);

/// use_weighted_loss: label k with p of n samples positive weighs n / (2 p) where it is set and n / (2 (n - p)) where
/// it is not, so that both sides of every label weigh the same; 1 where a side is empty. (SageMaker's own formula is
/// not published.)
struct LabelWeights {
  std::vector<double> positive, negative;
};
LabelWeights label_weights(const std::vector<long>& positives, long samples);

}  // namespace lockstep::nn

#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

/// Weights of a label's two sides, one each a label.
struct LabelWeights {
  std::vector<double> positive, negative;
};

struct LossOptions {
  double nominal = 1;  ///< size of the whole global batch; divides the gradient
  double label_smoothing =
      0;                 ///< softmax: the label keeps 1 - s of its weight, and s is spread evenly over all classes
  LabelWeights weights;  ///< sigmoid; empty: 1
};

// Both return the sum of the losses of the N samples (sigmoid: each the mean over its K labels) as 0-d float64 on the
// device of the logits, and fill `gradient` [N, K] with d loss / d logits / nominal. On a GPU nothing waits for it.

/// Softmax cross-entropy (MXNet's SoftmaxOutput): d loss / d z = (softmax(z) - t) / nominal with the target t = onehot
/// (label), or smoothed (1 - s) onehot(label) + s / K. logits [N, K] float; labels [N] int64, 0..K-1; on a CPU another
/// label is a data Error.
at::Tensor softmax_loss(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                        at::Tensor& gradient);

/// Binary cross-entropy over K sigmoids (MXNet's LogisticRegressionOutput): d loss / d z = w (sigmoid(z) - y) / (K
/// nominal), where w is 1, or `positive[k]` where y = 1 and `negative[k]` where y = 0. logits [N, K] float; labels
/// [N, K] float of 0 and 1.
at::Tensor sigmoid_loss(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                        at::Tensor& gradient);

/// What these do for a GPU, for tensors anywhere.
at::Tensor softmax_loss_by_tensors(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                                   at::Tensor& gradient);
at::Tensor sigmoid_loss_by_tensors(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                                   at::Tensor& gradient);

/// use_weighted_loss: label k with p of n samples positive weighs n / (2 p) where it is set and n / (2 (n - p)) where
/// it is not, so that both sides of every label weigh the same; 1 where a side is empty. (SageMaker's own formula is
/// not published.)
LabelWeights label_weights(const std::vector<long>& positives, long samples);

}  // namespace lockstep::nn

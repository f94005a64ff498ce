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
  std::vector<double> class_weights;  ///< [K]; empty: 1

  /// The weights on the device of the logits, [K] float each, by place_weights(): for a GPU, which would otherwise be
  /// sent them again at each call.
  at::Tensor placed_classes, placed_positive, placed_negative;
};
void place_weights(LossOptions& options, at::Device device);

// Both return the sum of the losses of the N samples (sigmoid: each the mean over its K labels) as 0-d float64 on the
// device of the logits, and fill `gradient` [N, K] with d loss / d logits / nominal. On a GPU nothing waits for it.
// Class weights c multiply what each class's target adds to the loss, as torch's cross_entropy(weight=c) and
// binary_cross_entropy_with_logits(weight=c) with reduction "sum"; the gradient is divided by `nominal` all the same,
// and not by the sum of the weights.

/// Softmax cross-entropy (MXNet's SoftmaxOutput): d loss / d z = (softmax(z) sum(t) - t) / nominal with the target t =
/// c onehot(label), or smoothed c ((1 - s) onehot(label) + s / K); without class weights sum(t) = 1. logits [N, K]
/// float; labels [N] int64, 0..K-1; on a CPU another label is a data Error.
at::Tensor softmax_loss(const at::Tensor& logits, const at::Tensor& labels, const LossOptions& options,
                        at::Tensor& gradient);

/// Binary cross-entropy over K sigmoids (MXNet's LogisticRegressionOutput): d loss / d z = w (sigmoid(z) - y) / (K
/// nominal), where w is c, or c `positive[k]` where y = 1 and c `negative[k]` where y = 0. logits [N, K] float; labels
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

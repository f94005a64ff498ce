#pragma once

#include <optional>

#include "operators.h"

namespace lockstep::nn {

/// What a BatchNorm node does: alone, with the relu behind it, with the addition of a shortcut and the relu behind it.
enum class BatchNormOperation { kNorm, kNormRelu, kNormAddRelu };
/// Nothing where the node is another operator's.
std::optional<BatchNormOperation> batch_norm_operation(const model::Node& node);

/// MXNet's `momentum` is the weight of the old running value; this is the weight of the new one, as torch and cuDNN
/// want it.
double new_weight(const model::Node& node);
double epsilon(const model::Node& node);
/// Whether the moments are the batch's; the running ones otherwise.
bool uses_batch(const NodeRun& run);
/// Whether forward moves the running moments.
bool updates_statistics(const NodeRun& run, const at::Tensor& input);

/// By LibTorch's operators, one after another, on any device: the node's meaning, and what every shortcut is held
/// against. The gradient is overwritten where nobody else holds it.
at::Tensor plain_batch_norm(NodeRun& run, BatchNormOperation operation);
std::vector<at::Tensor> plain_batch_norm_backward(NodeRun& run, BatchNormOperation operation,
                                                  const at::Tensor& gradient);

}  // namespace lockstep::nn

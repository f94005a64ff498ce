#pragma once

#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lockstep/core/table.h"
#include "lockstep/model/graph.h"
#include "lockstep/nn/network.h"

namespace lockstep::nn {

/// A node at work: what it reads, and what it keeps between forward and backward. Tensors are channels_last where they
/// have 4 dimensions.
struct NodeRun {
  const model::Node* node = nullptr;
  Mode mode = Mode::kEvaluate;
  std::vector<at::Tensor> inputs;               ///< outputs of other nodes; forward only
  std::vector<at::Tensor> parameters;           ///< views into the flat parameters, in the operator's order
  std::vector<at::Tensor> working;              ///< the same in the precision of the inputs
  std::vector<at::Tensor> statistics;           ///< views into the flat statistics
  std::vector<at::Tensor> parameter_gradients;  ///< views into the flat gradients
  std::vector<bool> trainable;                  ///< one a parameter
  std::vector<bool> wants_gradient;             ///< one an input: something below it is trained
  bool may_overwrite = false;                   ///< the first input belongs to this node alone
  bool accumulate = false;                      ///< parameter gradients are added to what is there
  bool plain = false;                           ///< Compute::plain: LibTorch's operators alone on a GPU
  std::vector<at::Tensor> kept;                 ///< from forward to backward
  at::Tensor sample_keys;                       ///< [N] int64, 32 random bits each: what a node draws from

  bool trains() const { return mode != Mode::kEvaluate; }
  /// Puts a parameter's gradient into its place.
  void put(size_t parameter, const at::Tensor& gradient);
};

/// An operator over ATen, without autograd. `model` has the row of the same name with shapes and cost.
struct Kernel {
  at::Tensor (*forward)(NodeRun& run);
  /// d loss / d output -> d loss / d input, one an input; undefined where none is wanted.
  std::vector<at::Tensor> (*backward)(NodeRun& run, const at::Tensor& gradient);
};

/// The rows of model/operators.def, then those of fused.def.
std::span<const Entry<Kernel>> kernels();
const Kernel& kernel_of(const model::Node& node);

}  // namespace lockstep::nn

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/model/array.h"
#include "lockstep/model/graph.h"
#include "lockstep/model/network.h"

namespace at {
class Tensor;
}

namespace lockstep::nn {

/// A contiguous piece of the flat buffers that belongs to one parameter.
struct Segment {
  std::string name;
  int64_t begin = 0, end = 0;  ///< elements of the flat buffer; `end - begin` = elements of the parameter
  model::Shape shape;          ///< MXNet's: (out, in, kh, kw)
  bool channels_last = false;  ///< the segment stores a convolution weight as (out, kh, kw, in)
  bool decays = true;          ///< MXNet's rule
  bool fixed = false;          ///< never updated
  double rate_factor = 1.0;
};

/// Called from backward(): the flat gradient is final from 0 to `end`. `end` grows from call to call.
using OnSlice = std::function<void(int64_t end)>;

enum class Mode {
  kTrain,    ///< normalise with the batch, update running statistics, keep what backward needs
  kFrozen,   ///< as kTrain, but BatchNorm uses and keeps the running statistics
  kEvaluate  ///< running statistics, nothing kept
};

/// Runs a graph forward and backward over flat parameters, without autograd. One thread; the device is that of the
/// constructor.
///
/// Parameters and gradients are two flat float32 buffers of the same layout, in reverse node order: backward finishes
/// the gradient from front to back. Behind the gradients of the same buffer lie the running statistics and `kTrailer`
/// numbers, so that one exchange of the whole buffer also carries them:
///   gradients: [ parameters | statistics | trailer ]
class Network {
 public:
  static constexpr int64_t kTrailer = 8;

  /// `data`: [N, C, H, W] of the largest batch, for shape inference only; any N runs. Weights are initialised from
  /// `seed`.
  Network(model::Graph graph, const model::Shape& data, uint64_t seed);
  ~Network();
  Network(Network&&) noexcept;

  /// images: [N, C, H, W] float, channels_last -> logits [N, classes] float. Before any softmax. N >= 1.
  at::Tensor forward(const at::Tensor& images, Mode mode);

  /// gradient: [N, classes] float, d loss / d logits of the last forward(kTrain or kFrozen). Fills the flat gradient
  /// (overwrites, or adds when `accumulate`), copies the running statistics behind it, and frees what forward kept.
  void backward(const at::Tensor& gradient, const OnSlice& on_slice = {}, bool accumulate = false);

  const std::vector<Segment>& segments() const;
  int64_t parameter_count() const;   ///< P, elements of the parameter part
  int64_t statistics_count() const;  ///< S

  at::Tensor& parameters();  ///< [P]
  at::Tensor& gradients();   ///< [P + S + kTrailer]
  at::Tensor& statistics();  ///< [S] running means and variances
  /// Zeroes the gradients and puts the running statistics behind them: what a rank without samples contributes.
  void clear_gradients();

  /// All parameters and statistics under MXNet's names (`arg:`, `aux:`) in graph order; fixed gammas are 1.
  model::Arrays arrays() const;
  /// Takes values by name; returns the names that were not found in `arrays` or have another shape (they keep their
  /// values), each with its reason. Unknown arrays are ignored.
  std::vector<std::string> load(const model::Arrays& arrays);

  const model::Graph& graph() const;
  const model::Facts& facts() const;
  int classes() const;
  bool multi_label() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::nn

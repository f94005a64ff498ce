#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
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
  int64_t begin = 0, end = 0;  ///< elements of the flat buffer; `end - begin` = elements of the parameter;
                               ///< `begin` is a multiple of 32: kernels want aligned memory
  model::Shape shape;          ///< MXNet's: (out, in, kh, kw)
  bool channels_last = false;  ///< the segment stores a convolution weight as (out, kh, kw, in)
  bool decays = true;          ///< MXNet's rule
  bool fixed = false;          ///< never updated: gamma of a BatchNorm with fix_gamma
  double rate_factor = 1.0;    ///< on the learning rate; 0: never updated, and its gradient stays 0
};

/// The factor on the learning rate of the parameter of that name.
using RateFactor = std::function<double(const std::string& name)>;

/// Called from backward(): the flat gradient is final from 0 to `end`. `end` grows from call to call.
using OnSlice = std::function<void(int64_t end)>;

/// Told after each node how long its forward or its backward took, with what gathers the gradients of its inputs.
using OnNode = std::function<void(const model::Node& node, bool backward, double seconds)>;

enum class Mode {
  kTrain,    ///< normalise with the batch, update running statistics, keep what backward needs
  kFrozen,   ///< as kTrain, but BatchNorm uses and keeps the running statistics
  kEvaluate  ///< running statistics, nothing kept
};

/// Of convolutions, linear layers and what flows between the nodes. Weights, their gradients, BatchNorm's arithmetic,
/// its parameters and its statistics are float32 in each.
enum class Precision { kFloat32, kBfloat16, kFloat16 };

struct Compute {
  Precision precision = Precision::kFloat32;
  int gpu = -1;        ///< index of the device; -1: the CPU
  bool plain = false;  ///< on a GPU: LibTorch's operators alone, nothing fused and no stored cuDNN plans
};

/// Whether this processor multiplies bfloat16 itself; without it, it is slower than float32.
bool has_bfloat16();

/// Runs a graph forward and backward over flat parameters, without autograd. One thread, one device.
///
/// Parameters and gradients are two flat float32 buffers of the same layout, in reverse node order: backward finishes
/// the gradient from front to back. Between two segments there may be zeros. Behind the gradients of the same buffer
/// lie the running statistics and `kTrailer` numbers, so that one exchange of the whole buffer also carries them:
///   gradients: [ parameters P | statistics S | trailer ]
/// With 16-bit precision convolutions and linear layers read a 16-bit copy of the parameters, of the same layout.
class Network {
 public:
  static constexpr int64_t kTrailer = 8;

  /// `data`: [N, C, H, W] of the largest batch, for shape inference only; any N runs. Weights are initialised from
  /// `seed`, and Dropout draws from it. Below the lowest parameter whose rate factor is not 0, nothing is kept for
  /// backward and backward does not go.
  Network(model::Graph graph, const model::Shape& data, uint64_t seed, Compute compute = {},
          const RateFactor& rate_factor = {});
  ~Network();
  Network(Network&&) noexcept;

  /// What Dropout draws in the forward passes that follow is a function of the seed, these numbers and the place in the
  /// picture: for a sample of a batch it is the same on any rank, in any part of the batch and after a resume. Does
  /// nothing where no node draws. Not within the capture of a CUDA graph but before each replay: the numbers go into
  /// the same memory as before while the count of samples is the same. Where it was never called samples are drawn by
  /// their position; afterwards another number of samples is a bug Error.
  void begin_step(int64_t epoch, int64_t batch, std::span<const int64_t> samples);

  /// images: [N, C, H, W] float on any device, channels_last -> logits [N, classes] float on the network's. Before any
  /// softmax. N >= 1. A bug Error names the node that leaves channels_last.
  at::Tensor forward(const at::Tensor& images, Mode mode);

  /// gradient: [N, classes] float, d loss / d logits of the last forward(kTrain or kFrozen). Fills the flat gradient
  /// (overwrites, or adds when `accumulate`), copies the running statistics behind it, and frees what forward kept.
  void backward(const at::Tensor& gradient, const OnSlice& on_slice = {}, bool accumulate = false);

  /// Frees what the last forward keeps for a backward that will not come.
  void forget();

  const std::vector<Segment>& segments() const;
  int64_t parameter_count() const;  ///< without the zeros between segments

  at::Tensor& parameters();    ///< [P]
  at::Tensor& gradients();     ///< [P + S + kTrailer]
  at::Tensor& statistics();    ///< [S] running means and variances
  at::Tensor& working_copy();  ///< [P] bfloat16 or float16; undefined with float32
  /// Views of gradients().
  at::Tensor parameter_gradients();  ///< [P]
  at::Tensor summed_statistics();    ///< [S]
  at::Tensor trailer();              ///< [kTrailer]

  /// Rounds the parameters into the working copy: after somebody else than the optimizer changed them.
  void refresh_working_copy();
  /// Zeroes the parameters' gradients and puts the running statistics behind them: what a rank without samples
  /// contributes. The trailer stays.
  void clear_gradients();

  /// All parameters and statistics under MXNet's names (`arg:`, `aux:`) in graph order; fixed gammas are 1.
  model::Arrays arrays() const;
  /// Takes values by name; returns the names that were not found in `arrays` or have another shape (they keep their
  /// values), each with its reason. Unknown arrays are ignored.
  std::vector<std::string> load(const model::Arrays& arrays);

  /// From now on every node is timed; on a GPU it is then waited for. Empty: no longer. The nodes are those that run:
  /// several of graph() may be one, under the name of the last.
  void time_nodes(OnNode on_node);

  const model::Graph& graph() const;
  const model::Facts& facts() const;
  int classes() const;
  bool multi_label() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::nn

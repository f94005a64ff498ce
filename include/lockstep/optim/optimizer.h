#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lockstep/core/table.h"

namespace lockstep::optim {

struct Formula;
class GpuUpdate;

/// A piece of the flat buffers that is updated alike; neighbours of the same kind are one piece.
struct Piece {
  int64_t begin = 0, end = 0;
  bool decays = true;
  double rate_factor = 1.0;
};

/// What the makers read; each takes what its rule has.
struct OptimizerOptions {
  double momentum = 0.9;
  double weight_decay = 0.0001;
  double beta_1 = 0.9, beta_2 = 0.999, eps = 1e-8, gamma = 0.9;
  bool decay_all = false;  ///< adam and rmsprop decay too; without it they ignore weight_decay, as SageMaker documents
  bool plain = false;      ///< on a GPU: LibTorch's operators alone
};

/// The numbers of one update: float [kControls] in the memory of the parameters' device, so that the host of a GPU
/// waits for none of them.
enum Control {
  kLearningRate,
  kRescale,  ///< g = rescale * gradients
  kApply,    ///< 0: a gradient was not finite, and nothing changes; otherwise 1
  kControls
};
at::Tensor make_control(double learning_rate, double rescale = 1, bool apply = true);  ///< in host memory

/// Changes parameters by their gradients for one given learning rate, and owns its moments: flat float32 tensors of the
/// same layout, on the device of the parameters. Arithmetic as MXNet's; the formula stands at the head of each source.
/// One thread calls, several compute.
class Optimizer {
 public:
  virtual ~Optimizer();

  /// One update in place. `parameters` is [P] float32; `gradients` has at least P elements, the first P count;
  /// `working_copy`, where it is defined, is [P] bfloat16 or float16 and takes the new parameters, rounded to nearest
  /// even. Memory is passed once. On a GPU nothing waits after the first update, and a CUDA graph may hold the update.
  void step(at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
            at::Tensor working_copy = {});

  /// For a GPU, before the first update: compiles this rule's kernel, holds it against LibTorch's operators on numbers
  /// of its own (1e-5 of the largest value), and says whether step() uses it; where it does not, one warning says why.
  /// Ranks that must keep the same bits agree: where one says no, all call use_operators(). Waits for the device and
  /// takes memory of some 15 floats a parameter meanwhile; does nothing while a CUDA graph is captured. step() calls it
  /// where nobody did.
  bool prepare(const at::Tensor& parameters);
  /// From now on LibTorch's operators alone.
  void use_operators();
  /// This rule for the kernel of a GPU.
  virtual Formula formula() const = 0;

  /// Moments, [P] each: for checkpoints.
  std::vector<at::Tensor>& moments() { return moments_; }
  /// Updates applied: adam's t; a skipped step does not count. Waits for the device.
  int64_t applied() const;
  void set_applied(int64_t applied);

 protected:
  /// `n_moments` zeroed moments like `parameters`, two at most; decay acts on the pieces that decay.
  /// `plain`: use_operators().
  Optimizer(std::vector<Piece> pieces, const at::Tensor& parameters, int n_moments, double weight_decay, bool plain);

  /// A few elements in host memory; m and v are null where there is no such moment.
  struct Slice {
    int64_t count = 0;
    float* w = nullptr;
    const float* g = nullptr;  ///< not rescaled yet
    float *m = nullptr, *v = nullptr;
    float rate = 0, decay = 0, rescale = 1;
    double t = 1;  ///< this update's number
  };
  virtual void update(const Slice& slice) const = 0;

  /// All parameters on any device: the same formula over tensors, which judges the kernel.
  struct Values {
    at::Tensor w, m, v;
  };
  struct Tensors {
    Values old;
    at::Tensor g;     ///< rescaled and decayed
    at::Tensor rate;  ///< 0-d, or [P] where pieces differ in it
    at::Tensor t;     ///< 0-d float64
  };
  virtual Values updated(const Tensors& tensors) const = 0;

 private:
  void step_on_host(at::Tensor& parameters, const at::Tensor& gradients, const float* control,
                    at::Tensor& working_copy);
  void step_by_tensors(at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
                       at::Tensor& working_copy);
  /// The pieces, an element each: a GPU starts a few long operations sooner than some for every piece. [P]; decay and
  /// rate_factor are undefined where they change nothing.
  struct Spread {
    at::Tensor decay, rate_factor;
    at::Tensor belongs;  ///< bool: to a piece
  };
  Spread spread(const at::Tensor& like) const;
  friend void step_by_tensors(Optimizer& optimizer, at::Tensor& parameters, const at::Tensor& gradients,
                              const at::Tensor& control, at::Tensor working_copy);

  std::vector<Piece> pieces_;
  double weight_decay_;
  bool prepared_;  // what a GPU updates with is decided
  std::unique_ptr<GpuUpdate> gpu_update_;
  std::vector<at::Tensor> moments_;
  at::Tensor applied_;  // [1] int64 on the device of the parameters
  Spread spread_;       // made at the first update by tensors
};

/// What step() does for a GPU, for tensors anywhere.
void step_by_tensors(Optimizer& optimizer, at::Tensor& parameters, const at::Tensor& gradients,
                     const at::Tensor& control, at::Tensor working_copy = {});

using MakeOptimizer = std::unique_ptr<Optimizer> (*)(std::vector<Piece> pieces, const at::Tensor& parameters,
                                                     const OptimizerOptions& options);
/// The rows of optimizers.def.
std::span<const Entry<MakeOptimizer>> optimizers();
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, std::vector<Piece> pieces,
                                          const at::Tensor& parameters, const OptimizerOptions& options);

}  // namespace lockstep::optim

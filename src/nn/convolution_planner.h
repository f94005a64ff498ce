#pragma once

#ifdef LOCKSTEP_CUDA

#include <unordered_map>

#include <ATen/core/Tensor.h>

#include "convolution_plan.h"
#include "cudnn_convolution.h"

namespace lockstep::nn {

/// Input, weight and output of a convolution, or their gradients: the part's result is written, the others are read.
struct ConvolutionOperands {
  at::Tensor x, w, y;

  const at::Tensor& result(ConvolutionPart part) const;
};

/// Decides how each problem is computed, and computes it: what cudnn_convolution.h says, for one GPU and one thread.
class ConvolutionPlanner {
 public:
  /// Of the current GPU.
  ConvolutionPlanner();
  /// Whether the result was written; otherwise LibTorch has to do it. `may_measure`: where no choice is stored.
  bool run(const ConvolutionProblem& problem, const ConvolutionOperands& operands, bool may_measure);
  void store();
  const PlanCounts& counts() const { return counts_; }

 private:
  /// What is known of a problem. No plan: LibTorch's operator.
  struct Decision {
    std::optional<ConvolutionPlan> plan;
    PlanChoice choice;
    bool is_compared = false;
    bool lacked_memory = false;  ///< while it was measured: not the choice of a machine that has it
    int attempts = 0;            ///< to compare it
  };
  bool run_first(const ConvolutionProblem& problem, const ConvolutionOperands& operands, bool may_measure);
  Decision& decide(const ConvolutionProblem& problem, const ConvolutionOperands& operands);
  Decision measure(const ConvolutionProblem& problem, const ConvolutionGraph& graph,
                   const ConvolutionOperands& operands) const;
  void compare(Decision& decision, const ConvolutionProblem& problem, const ConvolutionOperands& operands);

  PlanCache cache_;
  std::unordered_map<ConvolutionProblem, Decision, ProblemHash> decisions_;
  PlanCounts counts_;
  double seconds_ = 0;  // until plans were decided and compared
};

}  // namespace lockstep::nn

#endif

#pragma once

#ifdef LOCKSTEP_CUDA

#include <string>

#include "cudnn_batch_norm_ways.h"

namespace lockstep::nn {

/// The same operation on a small tensor: [8, C, 8, 8].
BatchNormProblem trial_problem(const BatchNormProblem& problem);

/// Runs both directions on numbers that look random and holds output, running moments and gradients against
/// plain_batch_norm() in float32. In words what is wrong; empty: nothing. Waits for the GPU. `like` is on it.
std::string complaint(const Way& way, const BatchNormProblem& problem, const at::Tensor& like);

/// Runs both directions on zeros of the problem's size: some of what cuDNN does not take it says only then, by a device
/// Error. Does nothing where the memory does not suffice.
void rehearse(const Way& way, const BatchNormProblem& problem, const at::Tensor& like);

}  // namespace lockstep::nn

#endif

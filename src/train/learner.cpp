#include "learner.h"

namespace lockstep::train {
namespace {

void exchange_values(at::Tensor& a, at::Tensor& b) {
  const at::Tensor before = a.clone();
  a.copy_(b);
  b.copy_(before);
}

}  // namespace

void UseAverages::exchange() {
  if (!learner_.average_parameters) return;
  exchange_values(learner_.network->parameters(), learner_.average_parameters->values());
  exchange_values(learner_.network->statistics(), learner_.average_statistics->values());
  learner_.network->refresh_working_copy();
}

}  // namespace lockstep::train

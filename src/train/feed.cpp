#include "feed.h"

#include <ATen/ops/from_blob.h>

#include "lockstep/nn/input.h"

namespace lockstep::train {

at::Tensor feed(const data::HostBatch& batch, const model::Card& card) {
  return nn::to_input(batch.pixels, batch.count, batch.height, batch.width, batch.channels, card.mean, card.std);
}

at::Tensor labels_of(const data::HostBatch& batch, bool multi_label) {
  const at::Tensor labels =
      at::from_blob(batch.labels.data(), {batch.count, batch.label_width});  // [count, label_width] float
  return multi_label ? labels : labels.select(1, 0).to(at::kLong);
}

}  // namespace lockstep::train

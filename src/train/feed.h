#pragma once

#include <utility>

#include <ATen/core/Tensor.h>

#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"

namespace lockstep::train {

/// A HostBatch on its way to the device, as a network of this card takes it. To a GPU the pixels go from pinned memory
/// on a stream of their own, so that the copy runs beside the step before; the batch's memory must live until then.
class Feed {
 public:
  Feed(const model::Card& card, bool multi_label, at::Device device);

  struct Batch {
    at::Tensor images;  ///< [count, C, H, W] float, channels_last, by the card's mean and std
    at::Tensor labels;  ///< [count] int64 classes, or multi-label [count, label_width] float
  };
  Batch take(const data::HostBatch& batch);

 private:
  model::Card card_;
  bool multi_label_;
  at::Device device_;
};

}  // namespace lockstep::train

#pragma once

#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"

namespace at {
class Tensor;
}

namespace lockstep::train {

/// The pictures of a batch as a network of this card takes them: [count, C, H, W] float, channels_last, by its mean and
/// std.
at::Tensor feed(const data::HostBatch& batch, const model::Card& card);

/// Its labels: [count] int64 classes, or multi-label [count, label_width] float.
at::Tensor labels_of(const data::HostBatch& batch, bool multi_label);

}  // namespace lockstep::train

#pragma once

#include "lockstep/data/loader.h"

namespace at {
class Tensor;
}

namespace lockstep::train {

/// The pictures of a batch as the network takes them: [count, C, H, W] float, channels_last.
at::Tensor feed(const data::HostBatch& batch);

/// Its labels: [count] int64 classes, or multi-label [count, label_width] float.
at::Tensor labels_of(const data::HostBatch& batch, bool multi_label);

}  // namespace lockstep::train

#pragma once

#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"

namespace lockstep::train {

/// A HostBatch on its way to the device, as a network of this card takes it. To a GPU the pixels go from pinned memory
/// on a stream of their own, so that the copy runs beside the step before; the batch's memory must live until then.
class Feed {
 public:
  Feed(const model::Card& card, bool multi_label, at::Device device);
  ~Feed();

  struct Batch {
    at::Tensor images;  ///< [count, C, H, W] float, channels_last, by the card's mean and std
    at::Tensor labels;  ///< [count] int64 classes, or multi-label [count, label_width] float
  };
  Batch take(const data::HostBatch& batch);

  /// Brings the batch, of at most `most` samples, into memory of the device that stays the same from call to call: what
  /// loaded() does can be recorded. On a GPU by way of two places in turn, so that one is filled while the step before
  /// still reads what it was loaded with; from there it is a copy within the GPU, which costs less than a second graph
  /// with its own memory would.
  void load(const data::HostBatch& batch, int64_t most);
  /// Samples begin..end of it. Takes nothing from host memory.
  Batch loaded(int64_t begin, int64_t end) const;
  /// Total of the time that batches of load() were on their way to a GPU, by its own clock, up to some steps ago.
  double seconds_transferring() const { return transferring_; }

 private:
  struct Place;
  Batch to_batch(const at::Tensor& pixels, at::Tensor labels) const;

  model::Card card_;
  bool multi_label_;
  at::Device device_;
  at::Tensor mean_, std_;       // on a GPU, or where batches are loaded
  at::Tensor pixels_, labels_;  // [most, H, W, C] uint8, [most, label_width] float: of load()
  std::vector<Place> places_;   // on a GPU
  size_t turn_ = 0;
  double transferring_ = 0;
};

}  // namespace lockstep::train

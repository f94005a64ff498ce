#include "feed.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>

#include "lockstep/core/error.h"
#include "lockstep/nn/input.h"

#ifdef LOCKSTEP_CUDA
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace lockstep::train {
namespace {

at::Tensor pixels_of(const data::HostBatch& batch) {  // [count, H, W, C] uint8
  return at::from_blob(batch.pixels.data(), {batch.count, batch.height, batch.width, batch.channels}, at::kByte);
}

at::Tensor labels_of(const data::HostBatch& batch) {  // [count, label_width] float
  return at::from_blob(batch.labels.data(), {batch.count, batch.label_width});
}

#ifdef LOCKSTEP_CUDA

c10::cuda::CUDAStream copies(at::Device device) {
  static thread_local const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(true, device.index());
  return stream;
}

/// The copy begins at once, whatever the compute stream still has to do; the compute stream waits for it.
at::Tensor copy_beside(const at::Tensor& host, at::Device device) {
  const c10::cuda::CUDAStream compute = c10::cuda::getCurrentCUDAStream(device.index());
  at::Tensor there;
  {
    const c10::cuda::CUDAStreamGuard guard(copies(device));
    there = host.to(device, host.scalar_type(), true);
  }
  c10::cuda::CUDAEvent copied;
  copied.record(copies(device));
  copied.block(compute);
  there.record_stream(compute);  // its memory is used again only when compute has read it
  return there;
}

#else
at::Tensor copy_beside(const at::Tensor& host, at::Device device) { return host.to(device); }
#endif

}  // namespace

#ifdef LOCKSTEP_CUDA

/// Where a batch arrives.
struct Feed::Place {
  explicit Place(const at::Tensor& some_pixels, const at::Tensor& some_labels)
      : pixels(at::empty_like(some_pixels)), labels(at::empty_like(some_labels)) {
    // The memory may have been used by work that the compute stream still holds.
    read.record(c10::cuda::getCurrentCUDAStream(pixels.device().index()));
  }

  /// Seconds that the batch before took to arrive; 0 where that is not known yet. The host does not wait.
  double seconds_of_last() const {
    return arrived.isCreated() && arrived.query() ? 1e-3 * static_cast<double>(begins.elapsed_time(arrived)) : 0;
  }
  void receive(const data::HostBatch& batch) {
    const c10::cuda::CUDAStreamGuard guard(copies(pixels.device()));
    read.block(copies(pixels.device()));
    begins.record(copies(pixels.device()));
    pixels.narrow(0, 0, batch.count).copy_(pixels_of(batch), true);
    labels.narrow(0, 0, batch.count).copy_(labels_of(batch), true);
    arrived.record(copies(pixels.device()));
  }
  void hand_on(const at::Tensor& to_pixels, const at::Tensor& to_labels, int64_t count) {
    const c10::cuda::CUDAStream compute = c10::cuda::getCurrentCUDAStream(pixels.device().index());
    arrived.block(compute);
    to_pixels.narrow(0, 0, count).copy_(pixels.narrow(0, 0, count), true);
    to_labels.narrow(0, 0, count).copy_(labels.narrow(0, 0, count), true);
    read.record(compute);
  }

  at::Tensor pixels, labels;
  c10::cuda::CUDAEvent begins{cudaEventDefault}, arrived{cudaEventDefault}, read;
};

#else

struct Feed::Place {
  Place(const at::Tensor&, const at::Tensor&) {}
  double seconds_of_last() const { return 0; }
  void receive(const data::HostBatch&) {}
  void hand_on(const at::Tensor&, const at::Tensor&, int64_t) {}
};

#endif

Feed::Feed(const model::Card& card, bool multi_label, at::Device device)
    : card_(card),
      multi_label_(multi_label),
      device_(device),
      mean_(nn::channel_values(card.mean, device)),
      std_(nn::channel_values(card.std, device)) {}

Feed::~Feed() = default;

Feed::Batch Feed::to_batch(const at::Tensor& pixels, at::Tensor labels) const {
  if (!multi_label_) labels = labels.select(1, 0).to(at::kLong);
  return {nn::to_input(pixels, mean_, std_), labels};
}

Feed::Batch Feed::take(const data::HostBatch& batch) {
  if (!device_.is_cpu())
    return to_batch(copy_beside(pixels_of(batch), device_), copy_beside(labels_of(batch), device_));
  at::Tensor labels = labels_of(batch);
  if (!multi_label_) labels = labels.select(1, 0).to(at::kLong);
  return {nn::to_input(batch.pixels, batch.count, batch.height, batch.width, batch.channels, card_.mean, card_.std),
          labels};
}

void Feed::load(const data::HostBatch& batch, int64_t most) {
  if (!pixels_.defined()) {
    pixels_ = at::empty({most, batch.height, batch.width, batch.channels}, at::TensorOptions(device_).dtype(at::kByte));
    labels_ = at::empty({most, batch.label_width}, device_);
    if (device_.is_cuda())
      for (int i = 0; i < 2; ++i) places_.emplace_back(pixels_, labels_);
  }
  require(batch.count <= pixels_.size(0), ErrorKind::kBug, "a batch of ", batch.count, " samples where ",
          pixels_.size(0), " were the most");
  if (places_.empty()) {
    pixels_.narrow(0, 0, batch.count).copy_(pixels_of(batch));
    labels_.narrow(0, 0, batch.count).copy_(labels_of(batch));
    return;
  }
  Place& place = places_[turn_++ % places_.size()];
  transferring_ += place.seconds_of_last();
  place.receive(batch);
  place.hand_on(pixels_, labels_, batch.count);
}

Feed::Batch Feed::loaded(int64_t begin, int64_t end) const {
  return to_batch(pixels_.narrow(0, begin, end - begin), labels_.narrow(0, begin, end - begin));
}

}  // namespace lockstep::train

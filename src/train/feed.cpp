#include "feed.h"

#include <ATen/ops/from_blob.h>

#include "lockstep/nn/input.h"

#ifdef LOCKSTEP_CUDA
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace lockstep::train {
namespace {

#ifdef LOCKSTEP_CUDA
/// The copy begins at once, whatever the compute stream still has to do; the compute stream waits for it.
at::Tensor copy_beside(const at::Tensor& host, at::Device device) {
  static thread_local const c10::cuda::CUDAStream copies = c10::cuda::getStreamFromPool(true, device.index());
  const c10::cuda::CUDAStream compute = c10::cuda::getCurrentCUDAStream(device.index());
  at::Tensor there;
  {
    const c10::cuda::CUDAStreamGuard guard(copies);
    there = host.to(device, host.scalar_type(), true);
  }
  c10::cuda::CUDAEvent copied;
  copied.record(copies);
  copied.block(compute);
  there.record_stream(compute);  // its memory is used again only when compute has read it
  return there;
}
#else
at::Tensor copy_beside(const at::Tensor& host, at::Device device) { return host.to(device); }
#endif

}  // namespace

Feed::Feed(const model::Card& card, bool multi_label, at::Device device)
    : card_(card), multi_label_(multi_label), device_(device) {}

Feed::Batch Feed::take(const data::HostBatch& batch) {
  at::Tensor labels = at::from_blob(batch.labels.data(), {batch.count, batch.label_width});  // [count, width] float
  if (device_.is_cpu()) {
    if (!multi_label_) labels = labels.select(1, 0).to(at::kLong);
    return {nn::to_input(batch.pixels, batch.count, batch.height, batch.width, batch.channels, card_.mean, card_.std),
            labels};
  }
  const at::Tensor pixels =
      at::from_blob(batch.pixels.data(), {batch.count, batch.height, batch.width, batch.channels}, at::kByte);
  labels = copy_beside(labels, device_);
  if (!multi_label_) labels = labels.select(1, 0).to(at::kLong);
  return {nn::to_input(copy_beside(pixels, device_), card_.mean, card_.std), labels};
}

}  // namespace lockstep::train

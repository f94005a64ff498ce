#include "lockstep/nn/input.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>

#include "lockstep/core/error.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kGrain = 1 << 15;  // pixels a thread at least

void convert(const uint8_t* from, float* to, int64_t pixels, int channels, const std::vector<double>& mean,
             const std::vector<double>& std) {
  if (mean.empty() && std.empty()) {
    for (int64_t i = 0; i < pixels * channels; ++i) to[i] = from[i];
    return;
  }
  std::vector<float> shift(static_cast<size_t>(channels)), scale(static_cast<size_t>(channels), 1.0f);
  for (size_t c = 0; c < shift.size(); ++c) {
    if (!mean.empty()) shift[c] = static_cast<float>(mean[c]);
    if (!std.empty()) scale[c] = static_cast<float>(1 / std[c]);
  }
  for (int64_t i = 0; i < pixels; ++i)
    for (size_t c = 0; c < shift.size(); ++c, ++from, ++to) *to = (*from - shift[c]) * scale[c];
}

}  // namespace

at::Tensor to_input(std::span<const uint8_t> pixels, int64_t n, int height, int width, int channels,
                    const std::vector<double>& mean, const std::vector<double>& std) {
  const auto count = static_cast<size_t>(n * height * width * channels), one_each = static_cast<size_t>(channels);
  require(pixels.size() == count, ErrorKind::kBug, "to_input: ", pixels.size(), " pixel values instead of ", count);
  require((mean.empty() || mean.size() == one_each) && (std.empty() || std.size() == one_each), ErrorKind::kData,
          "mean and std need ", channels, " numbers each, one a channel; there are ", mean.size(), " and ", std.size());
  const at::AutoDispatchBelowADInplaceOrView guard;
  // Contiguous [n, height, width, channels] is what channels_last means.
  const at::Tensor input = at::empty({n, height, width, channels}, at::kFloat);
  float* to = input.mutable_data_ptr<float>();
  at::parallel_for(0, n * height * width, kGrain, [&](int64_t begin, int64_t end) {
    convert(pixels.data() + begin * channels, to + begin * channels, end - begin, channels, mean, std);
  });
  return input.permute({0, 3, 1, 2});
}

at::Tensor to_input(const at::Tensor& pixels, const at::Tensor& mean, const at::Tensor& std) {
  const at::NoGradGuard guard;
  at::Tensor input = pixels.to(at::kFloat);
  if (mean.defined()) input.sub_(mean);
  if (std.defined()) input.div_(std);
  return input.permute({0, 3, 1, 2});
}

at::Tensor channel_values(const std::vector<double>& values, c10::Device device) {
  if (values.empty()) return {};
  const auto count = static_cast<int64_t>(values.size());
  return at::from_blob(const_cast<double*>(values.data()), {count}, at::kDouble).to(device, at::kFloat);
}

at::Tensor probabilities(const at::Tensor& logits, bool multi_label) {
  const at::NoGradGuard guard;
  return multi_label ? at::sigmoid(logits) : at::softmax(logits, 1);
}

}  // namespace lockstep::nn

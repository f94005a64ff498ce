#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "lockstep/core/rng.h"
#include "lockstep/model/array.h"
#include "lockstep/model/network.h"
#include "lockstep/nn/loss.h"
#include "lockstep/nn/network.h"

namespace lockstep::test {

/// A resnet_v2 for square pictures.
inline nn::Network make_resnet(int64_t depth, int64_t size, int64_t classes = 10, uint64_t seed = 1,
                               nn::Precision precision = nn::Precision::kFloat32) {
  return nn::Network(
      model::make_network("resnet_v2", {.num_layers = depth, .classes = classes, .height = size, .width = size}),
      {1, 3, size, size}, seed, {.precision = precision});
}

/// Normal numbers, always the same for the same id.
inline at::Tensor random_tensor(const model::Shape& shape, uint64_t id, double deviation = 1) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  Rng rng(7, RngUse::kTest, 0, id);
  std::generate_n(tensor.data_ptr<float>(), tensor.numel(),
                  [&] { return static_cast<float>(deviation * rng.normal()); });
  return tensor;
}

/// [n, 3, size, size] in channels_last memory, about as bright as pixels.
inline at::Tensor random_images(int64_t n, int64_t size, uint64_t id = 1) {
  return random_tensor({n, 3, size, size}, id, 60).add_(120).contiguous(at::MemoryFormat::ChannelsLast);
}

/// Gammas, betas and running statistics as a trained network may have them, so that a mistake in any of them shows. (At
/// the start some gradients vanish but for rounding: with beta 0 the next BatchNorm undoes whatever gamma does.)
inline void randomise_batch_norm(nn::Network& network) {
  model::Arrays arrays = network.arrays();
  uint64_t id = 0;
  for (model::Array& array : arrays) {
    if (array.shape.size() > 1 || array.name.ends_with("_bias")) continue;
    at::Tensor values = random_tensor(array.shape, ++id, 0.1);
    if (array.name.ends_with("_gamma") || array.name.ends_with("_moving_var")) values.add_(1).clamp_min_(0.5);
    array = model::float_array(array.name, array.shape, values.const_data_ptr<float>());
  }
  network.load(arrays);
}

/// 0, 1, 2, ... modulo classes.
inline at::Tensor counting_labels(int64_t n, int64_t classes) {
  at::Tensor labels = at::empty({n}, at::kLong);
  for (int64_t i = 0; i < n; ++i) labels.data_ptr<int64_t>()[i] = i % classes;
  return labels;
}

/// max |a - b| / max |b|, the measure of every tolerance here.
inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor reference = b.to(at::kDouble);
  const double largest = reference.abs().max().item<double>();
  const double error = a.to(at::kDouble).sub(reference).abs().max().item<double>();
  return largest > 0 ? error / largest : error;
}

/// Forward, loss and backward of one batch; returns the sum of the losses.
inline double step(nn::Network& network, const at::Tensor& images, const at::Tensor& labels, nn::Mode mode,
                   double nominal, const nn::OnSlice& on_slice = {}, bool accumulate = false) {
  at::Tensor gradient;
  const double loss =
      nn::softmax_loss(network.forward(images, mode), labels, {.nominal = nominal}, gradient).item<double>();
  network.backward(gradient, on_slice, accumulate);
  return loss;
}

}  // namespace lockstep::test

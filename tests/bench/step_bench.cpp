// Training steps on synthetic pictures: forward, loss, backward, sgd.
//   step_bench DEPTH SIZE BATCH THREADS STEPS [float32 | bfloat16]
// Prints the images per second of the median step.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lockstep/model/network.h"
#include "lockstep/nn/input.h"
#include "lockstep/nn/loss.h"
#include "lockstep/nn/memory.h"
#include "lockstep/nn/network.h"
#include "lockstep/optim/optimizer.h"

using namespace lockstep;

namespace {

constexpr int64_t kClasses = 10;

at::Tensor pixels(int64_t batch, int64_t size) {
  std::vector<uint8_t> values(static_cast<size_t>(batch * size * size * 3));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  return nn::to_input(values, batch, static_cast<int>(size), static_cast<int>(size), 3);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string precision = argc > 6 ? argv[6] : "float32";
  if (argc < 6 || argc > 7 || (precision != "float32" && precision != "bfloat16")) {
    std::fprintf(stderr, "usage: step_bench DEPTH SIZE BATCH THREADS STEPS [float32 | bfloat16]\n");
    return 2;
  }
  const int64_t depth = std::stol(argv[1]), size = std::stol(argv[2]), batch = std::stol(argv[3]),
                steps = std::stol(argv[5]);
  nn::keep_memory();
  at::set_num_threads(std::stoi(argv[4]));

  nn::Network network(
      model::make_network("resnet_v2", {.num_layers = depth, .classes = kClasses, .height = size, .width = size}),
      {batch, 3, size, size}, 1,
      {.precision = precision == "bfloat16" ? nn::Precision::kBfloat16 : nn::Precision::kFloat32});
  const auto optimizer =
      optim::make_optimizer("sgd", {{.begin = 0, .end = network.parameters().numel()}}, network.parameters(), {});
  const at::Tensor control = optim::make_control(1e-3);
  const at::Tensor images = pixels(batch, size);
  at::Tensor labels = at::empty({batch}, at::kLong);
  for (int64_t i = 0; i < batch; ++i) labels.data_ptr<int64_t>()[i] = i % kClasses;

  constexpr int64_t kWarmUp = 2;
  std::vector<double> seconds;
  for (int64_t i = 0; i < kWarmUp + steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::Tensor gradient;
    nn::softmax_loss(network.forward(images, nn::Mode::kTrain), labels, {.nominal = static_cast<double>(batch)},
                     gradient);
    network.backward(gradient);
    optimizer->step(network.parameters(), network.gradients(), control, network.working_copy());
    if (i >= kWarmUp)
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + steps / 2, seconds.end());
  std::printf("%.2f\n", static_cast<double>(batch) / seconds[static_cast<size_t>(steps / 2)]);
}

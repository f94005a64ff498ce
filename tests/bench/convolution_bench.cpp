// The 3 x 3 convolutions of ResNets against LibTorch's (oneDNN), in turns, channels_last: in float32 by
// src/nn/winograd.h, and in bfloat16 the weights' gradient by src/nn/weight_gradient.h.
//   convolution_bench THREADS [ROUNDS]
// Prints forward, gradient of the pictures and gradient of the weights, and that in bfloat16: our milliseconds,
// LibTorch's, and theirs over ours; medians.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/randn.h>

#include "lockstep/nn/memory.h"
#include "weight_gradient.h"
#include "winograd.h"

using namespace lockstep;

namespace {

struct Shape {
  int64_t batch, size, channels;
};
constexpr Shape kShapes[] = {{128, 32, 16}, {128, 16, 32}, {128, 8, 64}, {16, 56, 64},
                             {16, 28, 128}, {16, 14, 256}, {16, 7, 512}};

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

void compare(const Shape& s, int rounds) {
  const auto random = [](at::IntArrayRef shape) { return at::randn(shape).contiguous(at::MemoryFormat::ChannelsLast); };
  const at::Tensor x = random({s.batch, s.channels, s.size, s.size}), gradient = random(x.sizes()),
                   weight = random({s.channels, s.channels, 3, 3});
  const auto backward = [&](at::ScalarType type, bool input, bool weights) {
    return [=, g = gradient.to(type), before = x.to(type), w = weight.to(type)] {
      at::convolution_backward(g, before, w, at::OptionalIntArrayRef(), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                               {input, weights, false});
    };
  };
  const auto input_gradient = backward(at::kFloat, true, false), weights_gradient = backward(at::kFloat, false, true),
             half_gradient = backward(at::kBFloat16, false, true);
  const at::Tensor half_x = x.to(at::kBFloat16), half = gradient.to(at::kBFloat16);
  std::vector<double> times[8];
  for (int round = -1; round < rounds; ++round) {
    const double all[] = {
        milliseconds([&] { nn::winograd_forward(x, weight); }),
        milliseconds([&] { at::convolution(x, weight, {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1); }),
        milliseconds([&] { nn::winograd_input_gradient(gradient, weight); }),
        milliseconds(input_gradient),
        milliseconds([&] { nn::winograd_weight_gradient(x, gradient); }),
        milliseconds(weights_gradient),
        milliseconds([&] { nn::weight_gradient(half_x, half, {.stride = {1, 1}, .pad = {1, 1}}); }),
        milliseconds(half_gradient)};
    for (size_t i = 0; i < 8 && round >= 0; ++i) times[i].push_back(all[i]);
  }
  std::printf("%3ld pictures %2ld px %3ld channels", s.batch, s.size, s.channels);
  for (size_t i = 0; i < 8; i += 2)
    std::printf(" | %7.2f %7.2f %5.2f", median(times[i]), median(times[i + 1]),
                median(times[i + 1]) / median(times[i]));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: convolution_bench THREADS [ROUNDS]\n");
    return 2;
  }
  nn::keep_memory();
  at::set_num_threads(std::stoi(argv[1]));
  for (const Shape& shape : kShapes) compare(shape, argc > 2 ? std::stoi(argv[2]) : 7);
}

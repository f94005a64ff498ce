// The 3 x 3 convolutions of ResNets against LibTorch's (oneDNN), in turns, channels_last: in float32 by
// src/nn/winograd.h, and by src/nn/weight_gradient.h the weights' gradient with stride 2 and in bfloat16.
//   convolution_bench THREADS [ROUNDS]
// Prints medians: our milliseconds, LibTorch's, and theirs over ours.
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

struct Contest {
  const char* name;
  std::function<void()> ours, theirs;
  std::vector<double> our_times = {}, their_times = {};
};

at::Tensor random(at::IntArrayRef shape, at::ScalarType type) {
  return at::randn(shape).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

/// LibTorch's gradient of the pictures or of the weights.
void their_gradient(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                    bool of_weights) {
  at::convolution_backward(gradient, x, weight, at::OptionalIntArrayRef(), {stride, stride}, {1, 1}, {1, 1}, false,
                           {0, 0}, 1, {!of_weights, of_weights, false});
}

Contest weight_gradients(const char* name, const Shape& s, int64_t stride, at::ScalarType type) {
  const int64_t size = (s.size + stride - 1) / stride;
  const at::Tensor x = random({s.batch, s.channels, s.size, s.size}, type),
                   gradient = random({s.batch, s.channels, size, size}, type),
                   weight = random({s.channels, s.channels, 3, 3}, type);
  return {.name = name,
          .ours = [=] { nn::weight_gradient(x, gradient, {stride, stride}, {1, 1}); },
          .theirs = [=] { their_gradient(gradient, x, weight, stride, true); }};
}

void compare(const Shape& s, int rounds) {
  const at::Tensor x = random({s.batch, s.channels, s.size, s.size}, at::kFloat),
                   gradient = random(x.sizes(), at::kFloat),
                   weight = random({s.channels, s.channels, 3, 3}, at::kFloat);
  Contest contests[] = {{"forward", [&] { nn::winograd_forward(x, weight); },
                         [&] { at::convolution(x, weight, {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1); }},
                        {"pictures' gradient", [&] { nn::winograd_input_gradient(gradient, weight); },
                         [&] { their_gradient(gradient, x, weight, 1, false); }},
                        {"weights' gradient", [&] { nn::winograd_weight_gradient(x, gradient); },
                         [&] { their_gradient(gradient, x, weight, 1, true); }},
                        weight_gradients("with stride 2", s, 2, at::kFloat),
                        weight_gradients("in bfloat16", s, 1, at::kBFloat16),
                        weight_gradients("in bfloat16 with stride 2", s, 2, at::kBFloat16)};
  for (int round = -1; round < rounds; ++round)
    for (Contest& c : contests) {
      const double ours = milliseconds(c.ours), theirs = milliseconds(c.theirs);
      if (round < 0) continue;  // warms up
      c.our_times.push_back(ours);
      c.their_times.push_back(theirs);
    }
  std::printf("%ld pictures, %ld px, %ld channels\n", s.batch, s.size, s.channels);
  for (const Contest& c : contests) {
    const double ours = median(c.our_times), theirs = median(c.their_times);
    std::printf("  %-28s %7.2f %7.2f %5.2f\n", c.name, ours, theirs, theirs / ours);
  }
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

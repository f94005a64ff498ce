// The 3 x 3 convolutions of ResNets by src/nn/winograd.h against LibTorch's (oneDNN), in turns, channels_last float32.
//   convolution_bench THREADS [ROUNDS]
// Prints forward, gradient of the pictures and gradient of the weights: our milliseconds, LibTorch's, and theirs over
// ours; medians of processor time over threads, so that a busy machine disturbs less.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/randn.h>

#include "lockstep/nn/memory.h"
#include "winograd.h"

using namespace lockstep;

namespace {

struct Shape {
  int64_t batch, size, channels;
};
constexpr Shape kShapes[] = {{128, 32, 16}, {128, 16, 32}, {128, 8, 64}, {16, 56, 64},
                             {16, 28, 128}, {16, 14, 256}, {16, 7, 512}};

double milliseconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return (now() - start) / at::get_num_threads();
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

void compare(const Shape& s, int rounds) {
  const auto random = [](at::IntArrayRef shape) { return at::randn(shape).contiguous(at::MemoryFormat::ChannelsLast); };
  const at::Tensor x = random({s.batch, s.channels, s.size, s.size}), gradient = random(x.sizes()),
                   weight = random({s.channels, s.channels, 3, 3});
  const auto backward = [&](bool input, bool weights) {
    at::convolution_backward(gradient, x, weight, at::OptionalIntArrayRef(), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                             {input, weights, false});
  };
  std::vector<double> times[6];
  for (int round = -1; round < rounds; ++round) {
    const double all[] = {
        milliseconds([&] { nn::winograd_forward(x, weight); }),
        milliseconds([&] { at::convolution(x, weight, {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1); }),
        milliseconds([&] { nn::winograd_input_gradient(gradient, weight); }),
        milliseconds([&] { backward(true, false); }),
        milliseconds([&] { nn::winograd_weight_gradient(x, gradient); }),
        milliseconds([&] { backward(false, true); })};
    for (size_t i = 0; i < 6 && round >= 0; ++i) times[i].push_back(all[i]);
  }
  std::printf("%3ld pictures %2ld px %3ld channels", s.batch, s.size, s.channels);
  for (size_t i = 0; i < 6; i += 2)
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

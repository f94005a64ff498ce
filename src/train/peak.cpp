#include "peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include <ATen/Parallel.h>
#include <immintrin.h>

namespace lockstep::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSums = 12;  // independent chains: latency times units of any processor, and the registers hold them
constexpr long kRounds = 1 << 20;
constexpr size_t kCopied = size_t{64} << 20;  // bytes a thread

// The result depends on every operation, or the compiler leaves them out.
__attribute__((target("avx512f"))) float chain_avx512(float seed) {
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(seed + static_cast<float>(i));
  const __m512 factor = _mm512_set1_ps(0.5f), term = _mm512_set1_ps(seed);
  for (long round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) float chain_avx2(float seed) {
  __m256 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(seed + static_cast<float>(i));
  const __m256 factor = _mm256_set1_ps(0.5f), term = _mm256_set1_ps(seed);
  for (long round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f,avx512bf16"))) float chain_bfloat16(float seed) {
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(seed);
  const __m512bh pairs = _mm512_cvtne2ps_pbh(_mm512_set1_ps(seed), _mm512_set1_ps(seed));
  for (long round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], pairs, pairs);
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

/// Seconds of work(thread) on all threads at once: the best of three, since a neighbour only ever makes it longer.
template <class Work>
double seconds_of(const Work& work) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const auto start = Clock::now();
    at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t thread = begin; thread < end; ++thread) work(static_cast<size_t>(thread));
    });
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

double flops_per_second(float (*chain)(float seed), int flops_an_operation) {
  std::vector<float> kept(static_cast<size_t>(at::get_num_threads()));
  const double seconds = seconds_of([&](size_t thread) { kept[thread] = chain(1e-3f); });
  return static_cast<double>(flops_an_operation) * kSums * kRounds * at::get_num_threads() / seconds;
}

}  // namespace

Peak measure_peak() {
  Peak peak;
  if (__builtin_cpu_supports("avx512f"))
    peak.float32 = flops_per_second(chain_avx512, 32);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    peak.float32 = flops_per_second(chain_avx2, 16);
  if (__builtin_cpu_supports("avx512bf16")) peak.bfloat16 = flops_per_second(chain_bfloat16, 64);

  std::vector<std::vector<char>> from(static_cast<size_t>(at::get_num_threads()), std::vector<char>(kCopied, 1)),
      to = from;
  const double seconds =
      seconds_of([&](size_t thread) { std::memcpy(to[thread].data(), from[thread].data(), kCopied); });
  peak.bytes_per_second = 2.0 * static_cast<double>(kCopied) * at::get_num_threads() / seconds;
  return peak;
}

}  // namespace lockstep::train

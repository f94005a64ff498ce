#include "weight_gradient_loops.h"

#include <immintrin.h>

namespace lockstep::nn {
namespace {

using c10::BFloat16;

// AVX-512 whatever the rest is compiled for; suits_weight_gradient() asks for the processor. Loops over float32 are
// compiled with them all, too, but AVX512-BF16 is used where it is called by name only.
#define LOCKSTEP_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define LOCKSTEP_AVX512_INLINE [[gnu::always_inline]] LOCKSTEP_AVX512 inline

/// 16 numbers, or zeros where the pixel is not there.
LOCKSTEP_AVX512_INLINE __m512i load(const float* pixel, bool is_there) {
  return _mm512_maskz_loadu_epi32(is_there ? 0xffff : 0, pixel);
}
LOCKSTEP_AVX512_INLINE __m512i load(const BFloat16* pixel, bool is_there) {
  return _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(is_there ? 0xffff : 0, pixel));
}

LOCKSTEP_AVX512_INLINE __m512i pairs_of(__m512i first, __m512i second) {
  const __m512i order = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                         5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  return _mm512_permutex2var_epi16(first, order, second);
}

template <class Number>
LOCKSTEP_AVX512_INLINE __m512 add_product(__m512 sum, __m512i a, __m512i b) {
  if constexpr (kOutputsOfWord<Number> == 2)
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  else
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
}

/// kWordRows x kTaps sums stay in registers through all words.
template <class Number>
LOCKSTEP_AVX512_INLINE void multiply_words(const WordProduct& p) {
  __m512 sums[kWordRows][kTaps];
#pragma GCC unroll 8
  for (int o = 0; o < kWordRows; ++o)
#pragma GCC unroll 3
    for (int t = 0; t < kTaps; ++t) sums[o][t] = _mm512_loadu_ps(p.to + o * p.row + t * p.tap);
  for (const Meeting& lines : p.meetings) {
    const uint32_t *gradient = p.gradient + lines.gradient, *taps = p.taps + lines.taps;
    for (int64_t i = 0; i < p.words; ++i, gradient += p.channels, taps += kTaps * kWordLane) {
      __m512i vectors[kTaps];
#pragma GCC unroll 3
      for (int t = 0; t < kTaps; ++t) vectors[t] = _mm512_loadu_si512(taps + t * kWordLane);
#pragma GCC unroll 8
      for (int o = 0; o < kWordRows; ++o) {
        const __m512i factor = _mm512_set1_epi32(static_cast<int>(gradient[o]));
#pragma GCC unroll 3
        for (int t = 0; t < kTaps; ++t) sums[o][t] = add_product<Number>(sums[o][t], factor, vectors[t]);
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < kWordRows; ++o)
#pragma GCC unroll 3
    for (int t = 0; t < kTaps; ++t) _mm512_storeu_ps(p.to + o * p.row + t * p.tap, sums[o][t]);
}

bool is_below(int64_t i, int64_t end) { return static_cast<uint64_t>(i) < static_cast<uint64_t>(end); }

}  // namespace

LOCKSTEP_AVX512 void lay_gradient(const float* line, const LineGeometry& g, int64_t channels, uint32_t* to) {
  for (int64_t i = 0; i < g.outputs * channels; i += kWordLane) _mm512_storeu_si512(to + i, load(line + i, true));
}

LOCKSTEP_AVX512 void lay_gradient(const BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to) {
  for (int64_t i = 0; i < g.outputs; i += 2, line += 2 * channels)
    for (int64_t c = 0; c < channels; c += kWordLane, to += kWordLane)
      _mm512_storeu_si512(to, pairs_of(load(line + c, true), load(line + channels + c, i + 1 < g.outputs)));
}

LOCKSTEP_AVX512 void lay_taps(const float* line, const LineGeometry& g, int64_t channels, uint32_t* to) {
  for (int64_t i = 0; i < g.outputs; ++i)
    for (int64_t t = 0; t < kTaps; ++t, to += kWordLane) {
      const int64_t x = g.stride * i + t - g.pad;
      _mm512_storeu_si512(to, load(line + x * channels, is_below(x, g.width)));
    }
}

LOCKSTEP_AVX512 void lay_taps(const BFloat16* line, const LineGeometry& g, int64_t channels, uint32_t* to) {
  for (int64_t i = 0; i < g.outputs; i += 2) {
    const int64_t one = g.stride * i - g.pad, two = one + g.stride;
    if (one >= 0 && two + kTaps <= g.width && i + 1 < g.outputs) {
      const BFloat16* first = line + one * channels;
      const BFloat16* second = line + two * channels;
#pragma GCC unroll 3
      for (int t = 0; t < kTaps; ++t, to += kWordLane, first += channels, second += channels)
        _mm512_storeu_si512(to, pairs_of(load(first, true), load(second, true)));
    } else {
      for (int64_t t = 0; t < kTaps; ++t, to += kWordLane) {
        const __m512i first = load(line + (one + t) * channels, is_below(one + t, g.width));
        const __m512i second = load(line + (two + t) * channels, i + 1 < g.outputs && is_below(two + t, g.width));
        _mm512_storeu_si512(to, pairs_of(first, second));
      }
    }
  }
}

LOCKSTEP_AVX512 void multiply_floats(const WordProduct& product) { multiply_words<float>(product); }
LOCKSTEP_AVX512 void multiply_pairs(const WordProduct& product) { multiply_words<BFloat16>(product); }

}  // namespace lockstep::nn

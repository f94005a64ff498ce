#include "jpeg_colour.h"

#include <algorithm>
#include <cstring>

#include "lockstep/core/vectorised.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lockstep::image {
namespace {

// 2^16 times the weights of the colour differences, rounded.
constexpr int kRedCr = 91881, kGreenCb = -22554, kGreenCr = -46802, kBlueCb = 116130, kHalf = 1 << 15;

uint8_t clamped(int value) { return static_cast<uint8_t>(std::clamp(value, 0, 255)); }

#if defined(__x86_64__)
#define LOCKSTEP_AVX2 __attribute__((target("avx2")))
#define LOCKSTEP_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

struct Colours {
  __m256i red, green, blue;
};

/// round(x * factor / 2^16), for factors of 16 bits
LOCKSTEP_AVX2_INLINE __m256i weighted(__m256i x, int factor) {
  const __m256i product = _mm256_mulhi_epi16(_mm256_add_epi16(x, x), _mm256_set1_epi16(static_cast<int16_t>(factor)));
  return _mm256_srai_epi16(_mm256_add_epi16(product, _mm256_set1_epi16(1)), 1);
}

/// 16 pixels in 16-bit numbers, not yet clamped. Factors beyond 16 bits lose a whole number of 65536ths, which is
/// added.
LOCKSTEP_AVX2_INLINE Colours colours_of(__m256i y, __m256i cb, __m256i cr) {
  const __m256i factors = _mm256_set1_epi32((kGreenCb & 0xFFFF) | (kGreenCr + 65536) << 16);
  const __m256i half = _mm256_set1_epi32(kHalf);
  const __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(cb, cr), factors);
  const __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(cb, cr), factors);
  const __m256i green = _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(low, half), 16),
                                           _mm256_srai_epi32(_mm256_add_epi32(high, half), 16));
  return {_mm256_add_epi16(_mm256_add_epi16(y, cr), weighted(cr, kRedCr - 65536)),
          _mm256_add_epi16(_mm256_sub_epi16(y, cr), green),
          _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(cb, cb)), weighted(cb, kBlueCb - 2 * 65536))};
}

LOCKSTEP_AVX2_INLINE __m256i load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
LOCKSTEP_AVX2_INLINE void store(uint8_t* to, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}

/// 32 pixels in bytes.
LOCKSTEP_AVX2_INLINE Colours colours_at(const uint8_t* y, const uint8_t* cb, const uint8_t* cr) {
  const __m256i zero = _mm256_setzero_si256(), centre = _mm256_set1_epi16(128);
  const __m256i y8 = load(y), cb8 = load(cb), cr8 = load(cr);
  const Colours low =
      colours_of(_mm256_unpacklo_epi8(y8, zero), _mm256_sub_epi16(_mm256_unpacklo_epi8(cb8, zero), centre),
                 _mm256_sub_epi16(_mm256_unpacklo_epi8(cr8, zero), centre));
  const Colours high =
      colours_of(_mm256_unpackhi_epi8(y8, zero), _mm256_sub_epi16(_mm256_unpackhi_epi8(cb8, zero), centre),
                 _mm256_sub_epi16(_mm256_unpackhi_epi8(cr8, zero), centre));
  return {_mm256_packus_epi16(low.red, high.red), _mm256_packus_epi16(low.green, high.green),
          _mm256_packus_epi16(low.blue, high.blue)};
}

/// The bytes of one colour that fall into a third (0, 1, 2) of 48 bytes of pixels: place i takes sample (i + 16 * third
/// - colour) / 3 where that is whole.
struct Spread {
  alignas(32) int8_t places[3][3][32];  // [third][colour]
};
constexpr Spread kSpread = [] {
  Spread spread{};
  for (int third = 0; third < 3; ++third)
    for (int colour = 0; colour < 3; ++colour)
      for (int i = 0; i < 32; ++i) {
        const int at = i % 16 + 16 * third - colour;
        spread.places[third][colour][i] = static_cast<int8_t>(at >= 0 && at % 3 == 0 ? at / 3 : -1);
      }
  return spread;
}();

LOCKSTEP_AVX2_INLINE __m256i spread(__m256i colour, const int8_t (&places)[32]) {
  return _mm256_shuffle_epi8(colour, _mm256_load_si256(reinterpret_cast<const __m256i*>(places)));
}
LOCKSTEP_AVX2_INLINE __m256i third_of(const Colours& c, const int8_t (&places)[3][32]) {
  return _mm256_or_si256(_mm256_or_si256(spread(c.red, places[0]), spread(c.green, places[1])),
                         spread(c.blue, places[2]));
}

LOCKSTEP_AVX2_INLINE void store_rgb(const Colours& c, uint8_t* out) {
  const __m256i first = third_of(c, kSpread.places[0]), second = third_of(c, kSpread.places[1]),
                last = third_of(c, kSpread.places[2]);
  store(out, _mm256_permute2x128_si256(first, second, 0x20));
  store(out + 32, _mm256_permute2x128_si256(last, first, 0x30));
  store(out + 64, _mm256_permute2x128_si256(second, last, 0x31));
}

LOCKSTEP_AVX2_INLINE void store_rgba(const Colours& c, uint8_t* out) {
  const __m256i opaque = _mm256_set1_epi8(-1);
  const __m256i rg_low = _mm256_unpacklo_epi8(c.red, c.green), rg_high = _mm256_unpackhi_epi8(c.red, c.green);
  const __m256i ba_low = _mm256_unpacklo_epi8(c.blue, opaque), ba_high = _mm256_unpackhi_epi8(c.blue, opaque);
  const __m256i p0 = _mm256_unpacklo_epi16(rg_low, ba_low), p4 = _mm256_unpackhi_epi16(rg_low, ba_low);
  const __m256i p8 = _mm256_unpacklo_epi16(rg_high, ba_high), p12 = _mm256_unpackhi_epi16(rg_high, ba_high);
  store(out, _mm256_permute2x128_si256(p0, p4, 0x20));
  store(out + 32, _mm256_permute2x128_si256(p8, p12, 0x20));
  store(out + 64, _mm256_permute2x128_si256(p0, p4, 0x31));
  store(out + 96, _mm256_permute2x128_si256(p8, p12, 0x31));
}

LOCKSTEP_AVX2 void convert_by_avx2(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int count, int channels,
                                   uint8_t* out) {
  uint8_t last[4 * 32];
  for (int x = 0; x < count; x += 32, out += 32 * channels) {
    uint8_t* to = count - x >= 32 ? out : last;
    if (channels == 3)
      store_rgb(colours_at(y + x, cb + x, cr + x), to);
    else
      store_rgba(colours_at(y + x, cb + x, cr + x), to);
    if (to == last) std::memcpy(out, last, static_cast<size_t>(channels) * (count - x));
  }
}
#endif

}  // namespace

void convert_ycc_plainly(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int count, int channels,
                         uint8_t* out) {
  for (int x = 0; x < count; ++x, out += channels) {
    const int blue = cb[x] - 128, red = cr[x] - 128;
    out[0] = clamped(y[x] + ((kRedCr * red + kHalf) >> 16));
    out[1] = clamped(y[x] + ((kGreenCb * blue + kGreenCr * red + kHalf) >> 16));
    out[2] = clamped(y[x] + ((kBlueCb * blue + kHalf) >> 16));
    if (channels == 4) out[3] = 255;
  }
}

void convert_ycc(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int count, int channels, uint8_t* out) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return convert_by_avx2(y, cb, cr, count, channels, out);
#endif
  convert_ycc_plainly(y, cb, cr, count, channels, out);
}

LOCKSTEP_VECTORISED void convert_grey(const uint8_t* y, int count, int channels, uint8_t* out) {
  if (channels == 1) {
    std::copy_n(y, count, out);
  } else if (channels == 3) {
    for (int x = 0; x < count; ++x) out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = y[x];
  } else {
    for (int x = 0; x < count; ++x) {
      out[4 * x] = out[4 * x + 1] = out[4 * x + 2] = y[x];
      out[4 * x + 3] = 255;
    }
  }
}

LOCKSTEP_VECTORISED void widen(const uint8_t* near, int count, uint8_t* __restrict out) {
  for (int i = 0; i < count; ++i) {
    const int own = 3 * near[i];
    out[2 * i] = static_cast<uint8_t>((own + near[i - 1] + 1) >> 2);
    out[2 * i + 1] = static_cast<uint8_t>((own + near[i + 1] + 2) >> 2);
  }
}

LOCKSTEP_VECTORISED void heighten(const uint8_t* near, const uint8_t* far, bool is_lower, int count,
                                  uint8_t* __restrict out) {
  const int rounding = is_lower ? 2 : 1;
  for (int i = 0; i < count; ++i) out[i] = static_cast<uint8_t>((3 * near[i] + far[i] + rounding) >> 2);
}

LOCKSTEP_VECTORISED void widen_and_heighten(const uint8_t* near, const uint8_t* far, int count,
                                            uint16_t* __restrict sums, uint8_t* __restrict out) {
  for (int i = 0; i < count + 2; ++i) sums[i] = static_cast<uint16_t>(3 * near[i - 1] + far[i - 1]);
  for (int i = 0; i < count; ++i) {
    const int own = 3 * sums[i + 1];
    out[2 * i] = static_cast<uint8_t>((own + sums[i] + 8) >> 4);
    out[2 * i + 1] = static_cast<uint8_t>((own + sums[i + 2] + 7) >> 4);
  }
}

}  // namespace lockstep::image

#include "jpeg_transform.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lockstep::image {
namespace {

// 2^13 times the cosines' sums and differences.
constexpr int k0298 = 2446, k0390 = 3196, k0541 = 4433, k0765 = 6270, k0899 = 7373, k1175 = 9633, k1501 = 12299,
              k1847 = 15137, k1961 = 16069, k2053 = 16819, k2562 = 20995, k3072 = 25172;
constexpr int kConstantBits = 13, kExtraBits = 2;  // between the passes numbers keep kExtraBits more
constexpr int kFirstShift = kConstantBits - kExtraBits, kSecondShift = kConstantBits + kExtraBits + 3;

// libjpeg-turbo passes over the first dimension of a block that has nothing below row 0. That makes a difference only
// for impossible coefficients: they wrap to 16 bits there, and saturate otherwise.
int16_t wrap(int value) { return static_cast<int16_t>(value); }
int16_t saturate(int value) { return static_cast<int16_t>(std::clamp(value, -32768, 32767)); }
int shifted(int64_t value, int shift) {
  return static_cast<int>(static_cast<uint32_t>(value + (int64_t{1} << (shift - 1)))) >> shift;
}

/// One dimension: 8 numbers, `step` apart, in place.
void transform_line(int16_t* x, int step, int shift) {
  const int64_t x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step], x5 = x[5 * step],
                x6 = x[6 * step], x7 = x[7 * step];
  const int64_t even2 = x2 * k0541 + x6 * (k0541 - k1847), even3 = x2 * (k0541 + k0765) + x6 * k0541;
  const int64_t even0 = int64_t{wrap(static_cast<int>(x0 + x4))} << kConstantBits;
  const int64_t even1 = int64_t{wrap(static_cast<int>(x0 - x4))} << kConstantBits;
  const int64_t sum3 = wrap(static_cast<int>(x7 + x3)), sum4 = wrap(static_cast<int>(x5 + x1));
  const int64_t z3 = sum3 * (k1175 - k1961) + sum4 * k1175, z4 = sum3 * k1175 + sum4 * (k1175 - k0390);
  const int64_t odd0 = x7 * (k0298 - k0899) - x1 * k0899 + z3, odd1 = x5 * (k2053 - k2562) - x3 * k2562 + z4;
  const int64_t odd2 = x3 * (k3072 - k2562) - x5 * k2562 + z3, odd3 = x1 * (k1501 - k0899) - x7 * k0899 + z4;
  const std::array<int64_t, 4> even{even0 + even3, even1 + even2, even1 - even2, even0 - even3};
  const std::array<int64_t, 4> odd{odd3, odd2, odd1, odd0};
  for (int i = 0; i < 4; ++i) {
    x[i * step] = saturate(shifted(even[i] + odd[i], shift));
    x[(7 - i) * step] = saturate(shifted(even[i] - odd[i], shift));
  }
}

void transform_block_plainly(int16_t* coefficients, const std::array<int16_t, 64>& quantizer, uint8_t* out,
                             ptrdiff_t stride) {
  std::array<int16_t, 64> x;
  bool is_flat = true;
  for (int i = 0; i < 64; ++i) {
    x[i] = wrap(coefficients[i / 8 * 16 + i % 8] * quantizer[i]);
    is_flat = is_flat && (i < 8 || coefficients[i / 8 * 16 + i % 8] == 0);
  }
  for (int column = 0; column < 8; ++column) {
    if (!is_flat)
      transform_line(&x[column], 8, kFirstShift);
    else
      for (int row = 7; row >= 0; --row) x[8 * row + column] = wrap(x[column] << kExtraBits);
  }
  for (int row = 0; row < 8; ++row) {
    transform_line(&x[8 * row], 1, kSecondShift);
    for (int column = 0; column < 8; ++column)
      out[row * stride + column] = static_cast<uint8_t>(std::clamp<int>(x[8 * row + column], -128, 127) + 128);
  }
}

/// A block of one colour: nothing but its first coefficient, which becomes 0.
void fill_block(int16_t& coefficient, int quantizer, uint8_t* out, ptrdiff_t stride) {
  const int level = (wrap(wrap(coefficient * quantizer) << kExtraBits) + 16) >> 5;
  coefficient = 0;
  const auto sample = static_cast<uint8_t>(std::clamp(level, -128, 127) + 128);
  for (int row = 0; row < 8; ++row) std::fill_n(out + row * stride, 8, sample);
}

#if defined(__x86_64__)
#define LOCKSTEP_AVX2 __attribute__((target("avx2")))
#define LOCKSTEP_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

LOCKSTEP_AVX2_INLINE __m256i twice(int first, int second) {
  return _mm256_set1_epi32((first & 0xFFFF) | static_cast<int>(static_cast<uint32_t>(second) << 16));
}

/// Products of 16-bit numbers summed in 32 bits, for the lower and the upper four columns of each block.
struct Wide {
  __m256i low, high;
};
LOCKSTEP_AVX2_INLINE Wide products(Wide pairs, __m256i constants) {
  return {_mm256_madd_epi16(pairs.low, constants), _mm256_madd_epi16(pairs.high, constants)};
}
LOCKSTEP_AVX2_INLINE Wide interleave(__m256i a, __m256i b) {
  return {_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
}
LOCKSTEP_AVX2_INLINE Wide operator+(Wide a, Wide b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
LOCKSTEP_AVX2_INLINE Wide operator-(Wide a, Wide b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
/// x * 2^kConstantBits
LOCKSTEP_AVX2_INLINE Wide scaled(__m256i x) {
  const Wide upper = interleave(_mm256_setzero_si256(), x);
  return {_mm256_srai_epi32(upper.low, 16 - kConstantBits), _mm256_srai_epi32(upper.high, 16 - kConstantBits)};
}
template <int shift>
LOCKSTEP_AVX2_INLINE __m256i narrowed(Wide x) {
  const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
  return _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(x.low, half), shift),
                            _mm256_srai_epi32(_mm256_add_epi32(x.high, half), shift));
}

/// One dimension of 16 columns: x[i] holds number i of each.
template <int shift>
LOCKSTEP_AVX2_INLINE void transform_columns(__m256i (&x)[8]) {
  const Wide x26 = interleave(x[2], x[6]);
  const Wide even2 = products(x26, twice(k0541, k0541 - k1847)), even3 = products(x26, twice(k0541 + k0765, k0541));
  const Wide even0 = scaled(_mm256_add_epi16(x[0], x[4])), even1 = scaled(_mm256_sub_epi16(x[0], x[4]));
  const Wide sums = interleave(_mm256_add_epi16(x[7], x[3]), _mm256_add_epi16(x[5], x[1]));
  const Wide z3 = products(sums, twice(k1175 - k1961, k1175)), z4 = products(sums, twice(k1175, k1175 - k0390));
  const Wide x71 = interleave(x[7], x[1]), x53 = interleave(x[5], x[3]);
  const Wide odd0 = products(x71, twice(k0298 - k0899, -k0899)) + z3;
  const Wide odd1 = products(x53, twice(k2053 - k2562, -k2562)) + z4;
  const Wide odd2 = products(x53, twice(-k2562, k3072 - k2562)) + z3;
  const Wide odd3 = products(x71, twice(-k0899, k1501 - k0899)) + z4;
  const Wide a = even0 + even3, b = even1 + even2, c = even1 - even2, d = even0 - even3;
  x[0] = narrowed<shift>(a + odd3);
  x[7] = narrowed<shift>(a - odd3);
  x[1] = narrowed<shift>(b + odd2);
  x[6] = narrowed<shift>(b - odd2);
  x[2] = narrowed<shift>(c + odd1);
  x[5] = narrowed<shift>(c - odd1);
  x[3] = narrowed<shift>(d + odd0);
  x[4] = narrowed<shift>(d - odd0);
}

/// Rows become columns, in each block for itself.
LOCKSTEP_AVX2_INLINE void transpose(__m256i (&x)[8]) {
  const __m256i a0 = _mm256_unpacklo_epi16(x[0], x[1]), a1 = _mm256_unpackhi_epi16(x[0], x[1]);
  const __m256i a2 = _mm256_unpacklo_epi16(x[2], x[3]), a3 = _mm256_unpackhi_epi16(x[2], x[3]);
  const __m256i a4 = _mm256_unpacklo_epi16(x[4], x[5]), a5 = _mm256_unpackhi_epi16(x[4], x[5]);
  const __m256i a6 = _mm256_unpacklo_epi16(x[6], x[7]), a7 = _mm256_unpackhi_epi16(x[6], x[7]);
  const __m256i b0 = _mm256_unpacklo_epi32(a0, a2), b1 = _mm256_unpackhi_epi32(a0, a2);
  const __m256i b2 = _mm256_unpacklo_epi32(a1, a3), b3 = _mm256_unpackhi_epi32(a1, a3);
  const __m256i b4 = _mm256_unpacklo_epi32(a4, a6), b5 = _mm256_unpackhi_epi32(a4, a6);
  const __m256i b6 = _mm256_unpacklo_epi32(a5, a7), b7 = _mm256_unpackhi_epi32(a5, a7);
  x[0] = _mm256_unpacklo_epi64(b0, b4);
  x[1] = _mm256_unpackhi_epi64(b0, b4);
  x[2] = _mm256_unpacklo_epi64(b1, b5);
  x[3] = _mm256_unpackhi_epi64(b1, b5);
  x[4] = _mm256_unpacklo_epi64(b2, b6);
  x[5] = _mm256_unpackhi_epi64(b2, b6);
  x[6] = _mm256_unpacklo_epi64(b3, b7);
  x[7] = _mm256_unpackhi_epi64(b3, b7);
}

/// Stores two rows of 16 samples. `rows` holds row 0 and row 1 of the left block, then of the right block.
LOCKSTEP_AVX2_INLINE void store_rows(__m256i rows, uint8_t* out, ptrdiff_t stride) {
  const __m256i samples = _mm256_xor_si256(_mm256_permute4x64_epi64(rows, 0b11011000), _mm256_set1_epi8(-128));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(samples));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), _mm256_extracti128_si256(samples, 1));
}

/// `x[i]` holds column i of both blocks.
LOCKSTEP_AVX2_INLINE void store_columns(const __m256i (&x)[8], uint8_t* out, ptrdiff_t stride) {
  const __m256i x04 = _mm256_packs_epi16(x[0], x[4]), x15 = _mm256_packs_epi16(x[1], x[5]);
  const __m256i x26 = _mm256_packs_epi16(x[2], x[6]), x37 = _mm256_packs_epi16(x[3], x[7]);
  const __m256i a01 = _mm256_unpacklo_epi8(x04, x15), a45 = _mm256_unpackhi_epi8(x04, x15);
  const __m256i a23 = _mm256_unpacklo_epi8(x26, x37), a67 = _mm256_unpackhi_epi8(x26, x37);
  const __m256i left_low = _mm256_unpacklo_epi16(a01, a23), left_high = _mm256_unpackhi_epi16(a01, a23);
  const __m256i right_low = _mm256_unpacklo_epi16(a45, a67), right_high = _mm256_unpackhi_epi16(a45, a67);
  store_rows(_mm256_unpacklo_epi32(left_low, right_low), out, stride);
  store_rows(_mm256_unpackhi_epi32(left_low, right_low), out + 2 * stride, stride);
  store_rows(_mm256_unpacklo_epi32(left_high, right_high), out + 4 * stride, stride);
  store_rows(_mm256_unpackhi_epi32(left_high, right_high), out + 6 * stride, stride);
}

/// After the first dimension: blocks with nothing below row 0 in the file.
LOCKSTEP_AVX2_INLINE void correct_flat_blocks(__m256i (&x)[8], __m256i top, __m256i below) {
  const __m256i is_zero = _mm256_cmpeq_epi64(below, _mm256_setzero_si256());
  const __m256i is_flat = _mm256_and_si256(is_zero, _mm256_shuffle_epi32(is_zero, 0b01001110));
  if (_mm256_testz_si256(is_flat, is_flat)) return;
  const __m256i flat = _mm256_slli_epi16(top, kExtraBits);
  for (__m256i& row : x) row = _mm256_blendv_epi8(row, flat, is_flat);
}

LOCKSTEP_AVX2 void transform_by_avx2(BlockPair* pairs, size_t count, const std::array<int16_t, 64>& quantizer,
                                     uint8_t* out, ptrdiff_t stride) {
  for (BlockPair* pair = pairs; pair != pairs + count; ++pair, out += 16) {
    if ((pair->last[0] | pair->last[1]) == 0) {
      for (int side = 0; side < 2; ++side)
        fill_block(pair->coefficients[8 * side], quantizer[0], out + 8 * side, stride);
      continue;
    }
    auto* rows = reinterpret_cast<__m256i*>(pair->coefficients.data());
    __m256i x[8], below = _mm256_setzero_si256();
    for (int i = 0; i < 8; ++i) {
      const __m128i factors = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&quantizer[8 * i]));
      const __m256i row = _mm256_load_si256(rows + i);
      if (i > 0) below = _mm256_or_si256(below, row);
      x[i] = _mm256_mullo_epi16(row, _mm256_broadcastsi128_si256(factors));
      _mm256_store_si256(rows + i, _mm256_setzero_si256());
    }
    const __m256i top = x[0];
    transform_columns<kFirstShift>(x);
    correct_flat_blocks(x, top, below);
    transpose(x);
    transform_columns<kSecondShift>(x);
    store_columns(x, out, stride);
  }
}
#endif

}  // namespace

void transform_blocks_plainly(BlockPair* pairs, size_t count, const std::array<int16_t, 64>& quantizer, uint8_t* out,
                              ptrdiff_t stride) {
  for (BlockPair* pair = pairs; pair != pairs + count; ++pair, out += 16) {
    for (int side = 0; side < 2; ++side)
      transform_block_plainly(&pair->coefficients[8 * side], quantizer, out + 8 * side, stride);
    pair->coefficients.fill(0);
  }
}

void transform_blocks(BlockPair* pairs, size_t count, const std::array<int16_t, 64>& quantizer, uint8_t* out,
                      ptrdiff_t stride) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return transform_by_avx2(pairs, count, quantizer, out, stride);
#endif
  transform_blocks_plainly(pairs, count, quantizer, out, stride);
}

}  // namespace lockstep::image

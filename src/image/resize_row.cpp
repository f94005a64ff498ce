#include "resize_row.h"

#include <algorithm>
#include <cstring>

#include <immintrin.h>

namespace lockstep::image {
namespace {

constexpr size_t kStep = 16;         // values that each loop below makes at once
constexpr uint8_t kZeroByte = 0x80;  // in a shuffle
constexpr int kPairBytes = 8;        // hold two pixels of 1 to 4 channels

void blend_plain(const uint8_t* row, const std::vector<int>& values, int step, const int16_t* weights, int16_t* out) {
  for (size_t i = 0; i < values.size(); ++i)
    out[i] = static_cast<int16_t>((row[values[i]] * weights[2 * i] + row[values[i] + step] * weights[2 * i + 1]) >> 4);
}

/// Eight values from two windows of 16 bytes.
__attribute__((target("avx2"))) inline __m256i blend_eight(const uint8_t* row, const int* windows,
                                                           const uint8_t* shuffle, const int16_t* weights) {
  const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + windows[0]));
  const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + windows[1]));
  const __m256i order = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(shuffle));
  const __m256i pairs = _mm256_shuffle_epi8(_mm256_set_m128i(right, left), order);
  const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
  return _mm256_srli_epi32(_mm256_madd_epi16(pairs, weight), 4);
}

__attribute__((target("avx2"))) void blend_avx2(const uint8_t* row, const int* windows, const uint8_t* shuffle,
                                                const int16_t* weights, size_t count, int16_t* out) {
  for (size_t i = 0; i < count; i += kStep, windows += 4, shuffle += 64, weights += 32) {
    const __m256i low = blend_eight(row, windows, shuffle, weights);
    const __m256i high = blend_eight(row, windows + 2, shuffle + 32, weights + 16);
    // Packing works on halves: 0-3, 8-11, 4-7, 12-15.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), packed);
  }
}

/// Sixteen values from one window of 64 bytes. Masked forms, because g++ 12 warns of the undefined operand of the
/// others.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void blend_avx512(const uint8_t* row, const int* windows,
                                                                         const uint8_t* shuffle, const int16_t* weights,
                                                                         size_t count, int16_t* out) {
  constexpr __mmask64 kLowBytes = 0x5555555555555555;
  constexpr __mmask16 kAll = 0xFFFF;
  for (size_t i = 0; i < count; i += kStep, ++windows, shuffle += 64, weights += 32) {
    const __m512i order = _mm512_loadu_si512(shuffle);
    const __m512i pairs = _mm512_maskz_permutexvar_epi8(kLowBytes, order, _mm512_loadu_si512(row + *windows));
    const __m512i sums = _mm512_madd_epi16(pairs, _mm512_loadu_si512(weights));
    const __m256i words = _mm512_maskz_cvtepi32_epi16(kAll, _mm512_maskz_srli_epi32(kAll, sums, 4));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), words);
  }
}

/// The same with both pixels inside the row, where it has two.
Tap inside(const Tap& tap, int width) {
  if (tap.weight[0] == 0 && tap.first < 0) return {tap.first + 1, {tap.weight[1], 0}};
  if (tap.weight[1] == 0 && tap.first > 0 && tap.first + 1 >= width) return {tap.first - 1, {0, tap.weight[0]}};
  return tap;
}

}  // namespace

Instructions best_instructions() {
  static const Instructions best = [] {
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vnni"))
      return Instructions::kAvx512;
    return __builtin_cpu_supports("avx2") ? Instructions::kAvx2 : Instructions::kPlain;
  }();
  return best;
}

void RowBlender::place_values(std::span<const Tap> taps, int width) {
  step_ = width > 1 ? channels_ : 0;
  const size_t count = taps.size() * static_cast<size_t>(channels_);
  values_.resize((count + kStep - 1) / kStep * kStep);
  weights_.assign(2 * values_.size(), 0);
  size_t i = 0;
  for (const Tap& any : taps) {
    const Tap tap = inside(any, width);
    for (int c = 0; c < channels_; ++c, ++i) {
      values_[i] = tap.first * channels_ + c;
      weights_[2 * i] = tap.weight[0];
      weights_[2 * i + 1] = tap.weight[1];
    }
  }
  std::fill(values_.begin() + static_cast<ptrdiff_t>(count), values_.end(), values_[count - 1]);
}

/// False when a window does not hold all bytes of its values.
bool RowBlender::find_windows(Window window, int row_bytes) {
  if (row_bytes < window.bytes) return false;
  windows_.resize(values_.size() / window.values);
  shuffle_.resize(4 * values_.size());
  uint8_t* shuffle = shuffle_.data();
  for (size_t i = 0; i < windows_.size(); ++i) {
    const auto mine = std::span(values_).subspan(i * window.values, window.values);
    const auto [low, high] = std::ranges::minmax(mine);
    if (high + step_ - low >= window.bytes) return false;
    windows_[i] = std::min(low, row_bytes - window.bytes);
    for (const int value : mine) {
      const auto place = static_cast<uint8_t>(value - windows_[i]);
      for (const uint8_t byte : {place, kZeroByte, static_cast<uint8_t>(place + step_), kZeroByte}) *shuffle++ = byte;
    }
  }
  return true;
}

void RowBlender::find_pairs(Window window, int row_bytes) {
  const size_t pixels = values_.size() / static_cast<size_t>(channels_) + 1;  // the last one may be cut
  pairs_.resize(pixels);
  for (size_t i = 0; i < values_.size(); i += static_cast<size_t>(channels_)) {
    const int place = std::min(values_[i], row_bytes - kPairBytes);
    pairs_[i / static_cast<size_t>(channels_)] = {place, 8 * (values_[i] - place)};
  }
  for (int i = 0; i < static_cast<int>(values_.size()); ++i)
    values_[static_cast<size_t>(i)] = i / channels_ * 2 * channels_ + i % channels_;
  gathered_.resize(2 * static_cast<size_t>(channels_) * pixels + std::max<size_t>(kPairBytes, window.bytes));
  find_windows(window, static_cast<int>(gathered_.size()));
}

const uint8_t* RowBlender::gather(const uint8_t* row) {
  uint8_t* out = gathered_.data();
  for (const Pair& pair : pairs_) {
    uint64_t pixels = 0;
    std::memcpy(&pixels, row + pair.place, kPairBytes);
    pixels >>= pair.shift;
    std::memcpy(out, &pixels, kPairBytes);
    out += 2 * channels_;
  }
  return gathered_.data();
}

void RowBlender::prepare(std::span<const Tap> taps, int width, int channels, Instructions instructions) {
  channels_ = channels;
  instructions_ = width * channels < kPairBytes ? Instructions::kPlain : instructions;
  pairs_.clear();
  place_values(taps, width);
  if (instructions_ == Instructions::kPlain) return;
  const Window window = instructions_ == Instructions::kAvx512 ? Window{16, 64} : Window{4, 16};
  if (!find_windows(window, width * channels)) find_pairs(window, width * channels);
}

void RowBlender::blend(const uint8_t* row, int16_t* out) {
  if (!pairs_.empty()) row = gather(row);
  if (instructions_ == Instructions::kPlain)
    blend_plain(row, values_, step_, weights_.data(), out);
  else if (instructions_ == Instructions::kAvx2)
    blend_avx2(row, windows_.data(), shuffle_.data(), weights_.data(), values_.size(), out);
  else
    blend_avx512(row, windows_.data(), shuffle_.data(), weights_.data(), values_.size(), out);
}

}  // namespace lockstep::image

#include "resize_filter.h"

#include <algorithm>
#include <cmath>

#include <immintrin.h>

namespace lockstep::image {
namespace {

constexpr int32_t kHalf = 1 << (kFilterBits - 1);
constexpr size_t kValues = 16, kTaps = 4;  // of a window
constexpr int kWindowBytes = 64, kDigits = 3;

/// The source samples of one target sample.
struct Support {
  double centre = 0, reach = 0;
  int begin = 0, end = 0;
};

Support support_of(int position, int source, int target) {
  const double scale = static_cast<double>(source) / target;
  Support support{.centre = (position + 0.5) * scale, .reach = std::max(scale, 1.0)};
  support.begin = std::max(0, static_cast<int>(support.centre - support.reach + 0.5));
  support.end = std::min(source, static_cast<int>(support.centre + support.reach + 0.5));
  return support;
}

template <int kChannels>
void filter_pixel(const uint8_t* from, const int32_t* weights, int count, uint8_t* out) {
  for (int c = 0; c < kChannels; ++c) {
    int32_t sum = kHalf;
    for (int k = 0; k < count; ++k) sum += from[k * kChannels + c] * weights[k];
    out[c] = static_cast<uint8_t>(std::clamp(sum >> kFilterBits, 0, 255));
  }
}

template <int kChannels>
void filter_plain(const uint8_t* row, const Filter& filter, int /*width*/, uint8_t* out) {
  for (const auto& part : filter.parts) {
    filter_pixel<kChannels>(row + part.first * kChannels, &filter.weights[part.weights], part.count, out);
    out += kChannels;
  }
}

/// A pixel at a time in 4 lanes. Loads 4 bytes of each source pixel, which behind the last pixel of the row may be
/// somebody else's.
template <int kChannels>
__attribute__((target("avx2"))) void filter_avx2(const uint8_t* row, const Filter& filter, int width, uint8_t* out) {
  for (const auto& part : filter.parts) {
    const int32_t* weights = &filter.weights[part.weights];
    const uint8_t* from = row + part.first * kChannels;
    if (part.first + part.count == width) {
      filter_pixel<kChannels>(from, weights, part.count, out);
    } else {
      __m128i sum = _mm_set1_epi32(kHalf);
      for (int k = 0; k < part.count; ++k) {
        const __m128i pixel = _mm_cvtepu8_epi32(_mm_loadu_si32(from + k * kChannels));
        sum = _mm_add_epi32(sum, _mm_mullo_epi32(pixel, _mm_set1_epi32(weights[k])));
      }
      const __m128i words = _mm_packs_epi32(_mm_srai_epi32(sum, kFilterBits), _mm_setzero_si128());
      _mm_storeu_si32(out, _mm_packus_epi16(words, words));
    }
    out += kChannels;
  }
}

/// Sixteen values at a time: bytes times digits, four products a value at once. Sums are neither negative nor above
/// 255.
__attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vnni"))) void filter_avx512(
    const uint8_t* row, const std::vector<int>& window_counts, const int* windows, const uint8_t* shuffle,
    const int8_t* digits, uint8_t* out) {
  constexpr __mmask16 kAll = 0xFFFF;
  for (const int count : window_counts) {
    __m512i low = _mm512_set1_epi32(kHalf), middle = _mm512_setzero_si512(), high = _mm512_setzero_si512();
    for (int i = 0; i < count; ++i, ++windows, shuffle += kWindowBytes, digits += kDigits * kWindowBytes) {
      const __m512i pixels =
          _mm512_maskz_permutexvar_epi8(~__mmask64{0}, _mm512_loadu_si512(shuffle), _mm512_loadu_si512(row + *windows));
      low = _mm512_dpbusd_epi32(low, pixels, _mm512_loadu_si512(digits));
      middle = _mm512_dpbusd_epi32(middle, pixels, _mm512_loadu_si512(digits + kWindowBytes));
      high = _mm512_dpbusd_epi32(high, pixels, _mm512_loadu_si512(digits + 2 * kWindowBytes));
    }
    const __m512i upper = _mm512_add_epi32(middle, _mm512_maskz_slli_epi32(kAll, high, 8));
    const __m512i sum = _mm512_add_epi32(low, _mm512_maskz_slli_epi32(kAll, upper, 8));
    const __m128i bytes = _mm512_maskz_cvtusepi32_epi8(kAll, _mm512_maskz_srli_epi32(kAll, sum, kFilterBits));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    out += kValues;
  }
}

}  // namespace

void Filter::design(int begin, int count, int source, int target, int origin) {
  parts.clear();
  weights.clear();
  thread_local std::vector<double> triangle;
  for (int position = begin; position < begin + count; ++position) {
    const Support support = support_of(position, source, target);
    parts.push_back({support.begin - origin, support.end - support.begin, weights.size()});
    triangle.clear();
    double sum = 0;
    for (int x = support.begin; x < support.end; ++x) {
      const double distance = std::abs((x - support.centre + 0.5) * (1 / support.reach));
      triangle.push_back(distance < 1 ? 1 - distance : 0);
      sum += triangle.back();
    }
    for (const double weight : triangle)
      weights.push_back(static_cast<int32_t>(0.5 + weight / sum * (1 << kFilterBits)));
  }
}

Range filter_range(int begin, int count, int source, int target) {
  return {support_of(begin, source, target).begin, support_of(begin + count - 1, source, target).end};
}

/// Source pixels 4 group .. 4 group + 3 of 16 values from `begin` on. False when they do not fit into a window.
bool RowFilter::place_group(size_t begin, size_t group) {
  const auto channels = static_cast<size_t>(channels_);
  const size_t end = std::min(begin + kValues, filter_->parts.size() * channels);
  int low = width_ * channels_, high = 0;
  for (size_t value = begin; value < end; ++value) {
    const auto& part = filter_->parts[value / channels];
    const int first = part.first + static_cast<int>(group * kTaps), last = part.first + part.count;
    if (first >= last) continue;
    low = std::min(low, first * channels_);
    high = std::max(high, std::min(first + static_cast<int>(kTaps), last) * channels_);
  }
  if (high - low > kWindowBytes) return false;
  add_window(std::min(low, width_ * channels_ - kWindowBytes));
  for (size_t value = begin; value < end; ++value) {
    const auto& part = filter_->parts[value / channels];
    const size_t first = group * kTaps, last = std::min(first + kTaps, static_cast<size_t>(part.count));
    for (size_t k = first; k < last; ++k)
      put_tap((value - begin) * kTaps + k - first,
              (part.first + static_cast<int>(k)) * channels_ + static_cast<int>(value % channels),
              filter_->weights[part.weights + k]);
  }
  return true;
}

void RowFilter::add_window(int place) {
  windows_.push_back(place);
  shuffle_.resize(shuffle_.size() + kWindowBytes);
  digits_.resize(digits_.size() + kDigits * kWindowBytes);
}

/// Into the last window: its byte number `number` is the row's at `place`.
void RowFilter::put_tap(size_t number, int place, int32_t weight) {
  shuffle_[shuffle_.size() - kWindowBytes + number] = static_cast<uint8_t>(place - windows_.back());
  for (size_t digit = kDigits; digit > 0; --digit) {
    const auto lowest = static_cast<int8_t>(weight);  // -128..127
    digits_[digits_.size() - digit * kWindowBytes + number] = lowest;
    weight = (weight - lowest) >> 8;
  }
}

bool RowFilter::find_windows() {
  window_counts_.clear();
  windows_.clear();
  shuffle_.clear();
  digits_.clear();
  const auto channels = static_cast<size_t>(channels_);
  const size_t values = filter_->parts.size() * channels;
  for (size_t begin = 0; begin < values; begin += kValues) {
    int longest = 0;
    for (size_t value = begin; value < std::min(begin + kValues, values); ++value)
      longest = std::max(longest, filter_->parts[value / channels].count);
    const size_t groups = (static_cast<size_t>(longest) + kTaps - 1) / kTaps;
    window_counts_.push_back(static_cast<int>(groups));
    for (size_t group = 0; group < groups; ++group)
      if (!place_group(begin, group)) return false;
  }
  return true;
}

void RowFilter::prepare(const Filter& filter, int width, int channels, Instructions instructions) {
  filter_ = &filter;
  width_ = width;
  channels_ = channels;
  instructions_ = instructions;
  if (instructions_ == Instructions::kAvx512 && (width * channels < kWindowBytes || !find_windows()))
    instructions_ = Instructions::kAvx2;
  if (channels == 1 && instructions_ == Instructions::kAvx2) instructions_ = Instructions::kPlain;
}

void RowFilter::apply(const uint8_t* row, uint8_t* out) const {
  if (instructions_ == Instructions::kAvx512)
    return filter_avx512(row, window_counts_, windows_.data(), shuffle_.data(), digits_.data(), out);
  const bool plain = instructions_ == Instructions::kPlain;
  const auto filter = channels_ == 1   ? filter_plain<1>
                      : channels_ == 3 ? (plain ? filter_plain<3> : filter_avx2<3>)
                                       : (plain ? filter_plain<4> : filter_avx2<4>);
  filter(row, *filter_, width_, out);
}

}  // namespace lockstep::image

#include "python_random.h"

#include <bit>
#include <cstddef>

namespace lockstep::data {
namespace {

constexpr std::size_t kSize = 624, kShift = 397;
constexpr uint32_t kGenrandSeed = 19650218;

}  // namespace

PythonRandom::PythonRandom(uint32_t seed) {
  state_[0] = kGenrandSeed;
  for (uint32_t i = 1; i < kSize; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  uint32_t i = 1;
  const auto advance = [&] {
    if (++i < kSize) return;
    state_[0] = state_[kSize - 1];
    i = 1;
  };
  const auto previous = [&] { return state_[i - 1] ^ (state_[i - 1] >> 30); };
  for (std::size_t k = 0; k < kSize; ++k, advance()) state_[i] = (state_[i] ^ (previous() * 1664525u)) + seed;
  for (std::size_t k = 0; k + 1 < kSize; ++k, advance()) state_[i] = (state_[i] ^ (previous() * 1566083941u)) - i;
  state_[0] = 0x80000000u;
}

void PythonRandom::refill() {
  for (std::size_t i = 0; i < kSize; ++i) {
    const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % kSize] & 0x7FFFFFFFu);
    state_[i] = state_[(i + kShift) % kSize] ^ (y >> 1) ^ ((y & 1) ? 0x9908B0DFu : 0);
  }
  used_ = 0;
}

uint32_t PythonRandom::next() {
  if (used_ == kSize) refill();
  uint32_t y = state_[used_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9D2C5680u;
  y ^= (y << 15) & 0xEFC60000u;
  return y ^ (y >> 18);
}

uint32_t PythonRandom::below(uint32_t n) {
  const int bits = std::bit_width(n);
  uint32_t drawn = n;
  while (drawn >= n) drawn = next() >> (32 - bits);
  return drawn;
}

}  // namespace lockstep::data

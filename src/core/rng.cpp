#include "lockstep/core/rng.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace lockstep {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(uint64_t seed, RngUse use, uint64_t epoch, uint64_t id) {
  state_ = mix(seed + kGolden);
  for (const uint64_t part : {static_cast<uint64_t>(use), epoch, id}) state_ = mix(state_ ^ mix(part + kGolden));
}

uint64_t Rng::next() { return mix(state_ += kGolden); }

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

double Rng::uniform(double low, double high) { return low + (high - low) * uniform(); }

int64_t Rng::uniform_int(int64_t low, int64_t high) {
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  if (range == 0) return static_cast<int64_t>(next());
  // Numbers below `bias` would make the first values likelier; they are drawn again.
  const uint64_t bias = (0 - range) % range;
  uint64_t value = next();
  while (value < bias) value = next();
  return static_cast<int64_t>(static_cast<uint64_t>(low) + value % range);
}

bool Rng::bernoulli(double probability) { return uniform() < probability; }

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<uint32_t> permutation(uint32_t n, Rng rng) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[static_cast<size_t>(rng.uniform_int(0, i - 1))]);
  return order;
}

}  // namespace lockstep

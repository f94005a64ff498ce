#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lockstep::data {

/// The numbers of Python 3's random.seed(n) with n < 2^32: MT19937 started by init_by_array({n}) (Matsumoto and
/// Nishimura 2002), which is not std::mt19937(n).
class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed);
  uint32_t next();
  /// 0..n-1, as random.randrange(n) draws it; 1 <= n < 2^32.
  uint32_t below(uint32_t n);

 private:
  void refill();
  std::array<uint32_t, 624> state_;
  std::size_t used_ = 624;
};

/// What im2rec shuffles its lists with.
inline constexpr uint32_t kIm2recSeed = 100;

/// random.seed(seed); random.shuffle(items).
template <class T>
void python_shuffle(std::vector<T>& items, uint32_t seed) {
  PythonRandom random(seed);
  for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.below(static_cast<uint32_t>(i + 1))]);
}

}  // namespace lockstep::data

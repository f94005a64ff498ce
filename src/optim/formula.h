#pragma once

#include <cmath>

// A rule's arithmetic is one text for two compilers: these macros compile it here, for the loops of a CPU, and keep it
// as text, of which update_kernel.cpp makes the kernel of a GPU. So what they enclose is C++17 without preprocessor
// lines and headers; functions of <math.h> go by their C names.

/// name: the text of the definitions that follow it.
#define LOCKSTEP_SHARED(name, ...) \
  __VA_ARGS__                      \
  inline constexpr char name[] = #__VA_ARGS__;

/// Before a function in a shared text. The kernel defines it for a GPU.
#define LOCKSTEP_EVERYWHERE [[maybe_unused]] inline __attribute__((always_inline))

/// What a rule does to one element: a block that changes w, m and v (those that the rule has) by the rescaled and
/// decayed gradient g, the rate and the rule's constants. `name` is the function of this file, `name_text` the text.
#define LOCKSTEP_UPDATE(name, ...)                                                                              \
  LOCKSTEP_EVERYWHERE void name([[maybe_unused]] float& w, [[maybe_unused]] float g, [[maybe_unused]] float& m, \
                                [[maybe_unused]] float& v, [[maybe_unused]] float rate,                         \
                                [[maybe_unused]] const Constants& c) __VA_ARGS__ constexpr char name##_text[] = \
      #__VA_ARGS__;

/// The rate of update t, the first is 1: a block that returns it, by the rate of the schedule.
#define LOCKSTEP_RATE(name, ...)                                                                                     \
  LOCKSTEP_EVERYWHERE float name(float rate, float t, const Constants& c) __VA_ARGS__ constexpr char name##_text[] = \
      #__VA_ARGS__;

namespace lockstep::optim {

// clang-format off
LOCKSTEP_SHARED(kFormulaText,
/// What does not change during a run; rest: 1 - beta, rounded once from float64, since 1 - 0.999f is off by 1e-5 of
/// itself.
struct Constants {
  float momentum;
  float beta_1, rest_1, log_beta_1;
  float beta_2, rest_2, log_beta_2;
  float eps;
};

struct Rates {
  float rate, decay, rescale;
};

LOCKSTEP_EVERYWHERE float decayed(float g, float w, const Rates& r) { return r.rescale * g + r.decay * w; }
)
// clang-format on

/// A rule, for the kernel of a GPU.
struct Formula {
  const char* update = nullptr;
  const char* rate = "{ return rate; }";
  Constants constants;
};

}  // namespace lockstep::optim

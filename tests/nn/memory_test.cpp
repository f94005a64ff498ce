#include "lockstep/nn/memory.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <malloc.h>

namespace lockstep::nn {
namespace {

TEST(KeepMemory, KeepsALargeBlockForTheNextStep) {
  keep_memory();
  constexpr size_t kLarge = 256 << 20;
  std::free(std::malloc(kLarge));
  const struct mallinfo2 facts = mallinfo2();
  EXPECT_GE(facts.fordblks, kLarge) << "it went back to the system";
}

}  // namespace
}  // namespace lockstep::nn

#include "lockstep/nn/memory.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <malloc.h>

namespace lockstep::nn {
namespace {

TEST(KeepMemory, KeepsALargeBlockForTheNextStep) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer brings its own allocator";
#endif
  keep_memory();
  constexpr size_t kLarge = 256 << 20;
  void* volatile block = std::malloc(kLarge);  // volatile, or the compiler leaves out the pair
  std::free(block);
  const struct mallinfo2 facts = mallinfo2();
  EXPECT_GE(facts.fordblks, kLarge) << "it went back to the system";
}

}  // namespace
}  // namespace lockstep::nn

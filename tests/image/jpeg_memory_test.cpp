#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "pictures.h"

// Counts what this thread takes from the heap by new.
namespace {
thread_local int allocations = 0;

void* counted(void* memory) {
  ++allocations;
  return memory ? memory : throw std::bad_alloc();
}
}  // namespace

void* operator new(size_t size) { return counted(std::malloc(size ? size : 1)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto step = static_cast<size_t>(alignment);
  return counted(std::aligned_alloc(step, (size + step - 1) / step * step));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace lockstep::image {
namespace {

TEST(JpegMemory, APlainJpegAllocatesNothingOnceAsLargeAOneWasDecoded) {
  std::vector<std::vector<std::byte>> pictures, indexes;
  for (int sampling : {1, 2})
    for (int orientation : {1, 6}) {
      pictures.push_back(
          test::write_jpeg(test::make_picture(300, 260), {.horizontal = sampling, .orientation = orientation}));
      indexes.push_back(index_scan(pictures.back()));
    }
  Image out;
  const auto decode_all = [&](int inset) {
    for (size_t i = 0; i < pictures.size(); ++i)
      for (Bytes points : {Bytes(), Bytes(indexes[i])}) {
        const Header header = probe(pictures[i], 1 << 20);
        decode(pictures[i], points, header, {inset, inset, header.width - 2 * inset, header.height - 2 * inset}, 3,
               out);
      }
  };
  decode_all(0);
  const int before = allocations;
  for (int inset : {0, 7, 60}) decode_all(inset);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace lockstep::image

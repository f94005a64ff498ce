#include "batch_memory.h"

#include <new>
#include <utility>

namespace lockstep::data {

Allocate plain_memory() {
  return [](size_t bytes) {
    constexpr std::align_val_t kAlignment{64};
    return std::shared_ptr<void>(::operator new(bytes, kAlignment),
                                 [](void* block) { ::operator delete(block, kAlignment); });
  };
}

BatchMemory::BatchMemory(const Allocate& allocate, size_t block_bytes, int blocks) {
  for (int i = 0; i < blocks; ++i) free_.push_back(allocate(block_bytes));
}

std::shared_ptr<void> BatchMemory::take() {
  auto block = std::move(free_.back());
  free_.pop_back();
  void* address = block.get();
  return {address, [memory = shared_from_this(), block = std::move(block)](void*) mutable {
            memory->give_back(std::move(block));
          }};
}

void BatchMemory::give_back(std::shared_ptr<void> block) {
  const std::lock_guard lock(mutex);
  free_.push_back(std::move(block));
  changed.notify_all();
}

}  // namespace lockstep::data

#include "lockstep/nn/memory.h"

#include <climits>

#include <malloc.h>

namespace lockstep::nn {

void keep_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace lockstep::nn

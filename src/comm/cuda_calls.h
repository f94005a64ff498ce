#pragma once

#ifdef LOCKSTEP_CUDA

#include <cuda_runtime_api.h>

#include "lockstep/core/error.h"

namespace lockstep::comm {

/// device Error with CUDA's own words.
inline void require_success(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // otherwise whoever asks next is told of this failure again
  fail(ErrorKind::kDevice, call, ": ", cudaGetErrorString(code));
}

}  // namespace lockstep::comm

#endif

#pragma once

#include <array>

#include <mpi.h>

#include "lockstep/core/error.h"

namespace lockstep::comm {

/// comm Error with MPI's own words.
inline void require_success(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail(ErrorKind::kComm, call, ": ", text.data());
}

}  // namespace lockstep::comm

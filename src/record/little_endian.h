#pragma once

#include <bit>
#include <cstring>

#include "lockstep/core/file.h"

namespace lockstep::record {

static_assert(std::endian::native == std::endian::little,
              "RecordIO is little-endian; a big-endian machine would have to swap");

/// The number that begins at byte `at`; the caller has checked that it lies inside.
template <class Number>
Number load(Bytes bytes, size_t at) {
  Number value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class Number>
void append(std::vector<std::byte>& bytes, Number value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace lockstep::record

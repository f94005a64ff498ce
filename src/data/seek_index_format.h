#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep::data {

static_assert(std::endian::native == std::endian::little, "a .jdx is little-endian; this machine would have to swap");

inline constexpr std::array<char, 8> kSeekIndexMagic = {'l', 'o', 'c', 'k', 'j', 'd', 'x', '1'};
inline constexpr size_t kSampledBytes = 4096;

// As they lie in the file (include/lockstep/data/seek_index.h).
struct SeekIndexEntry {
  uint64_t end = 0, check = 0;
};
struct SeekIndexTail {
  uint64_t records = 0, record_bytes = 0, whole_hash = 0, sampled_hash = 0, table_hash = 0, own_hash = 0;
};
static_assert(sizeof(SeekIndexEntry) == 16 && sizeof(SeekIndexTail) == 48);

/// Of the first and the last bytes of a .rec.
uint64_t sampled_hash(Bytes records);
/// Of the tail's other numbers.
uint64_t own_hash(const SeekIndexTail& tail);
/// Binds points to a picture; 0 for no points.
uint64_t check_of(Bytes points, Bytes picture);

/// A .jdx taken apart: `problem` says why it is none of these records, or is empty.
struct SeekIndexParts {
  Bytes points, table;
  SeekIndexTail tail;
  std::string problem;
  /// Zeros where no picture has points.
  SeekIndexEntry entry(size_t i) const;
  /// The points of record i; empty also where the entry points outside.
  Bytes points_of(size_t i) const;
};
SeekIndexParts parse_seek_index(Bytes index, Bytes records, size_t record_count);

}  // namespace lockstep::data

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep {

/// XXH3, 64 bits: fingerprints of data that nobody attacks. Seeds chain: hash(b, hash(a)).
uint64_t hash(Bytes bytes, uint64_t seed = 0);
uint64_t hash(std::string_view text, uint64_t seed = 0);

/// hash() of bytes that come in pieces. One thread.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(Bytes piece);
  /// Of all pieces so far.
  uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// hash() of a whole file. It is read, not mapped: a medium that fails is an io Error, and no memory of its size is
/// taken.
uint64_t hash_file(const Path& path);

/// 16 lower-case hexadecimal digits.
std::string hash_text(uint64_t value);

}  // namespace lockstep

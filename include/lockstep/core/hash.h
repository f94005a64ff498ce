#pragma once

#include <cstdint>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep {

/// XXH3, 64 bits: fingerprints of data that nobody attacks. Seeds chain: hash(b, hash(a)).
uint64_t hash(Bytes bytes, uint64_t seed = 0);
uint64_t hash(std::string_view text, uint64_t seed = 0);

/// 16 lower-case hexadecimal digits.
std::string hash_text(uint64_t value);

}  // namespace lockstep

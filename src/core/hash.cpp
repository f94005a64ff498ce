#include "lockstep/core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lockstep/core/text.h"

namespace lockstep {

uint64_t hash(Bytes bytes, uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

uint64_t hash(std::string_view text, uint64_t seed) { return hash(std::as_bytes(std::span(text)), seed); }

std::string hash_text(uint64_t value) { return format("%016llx", static_cast<unsigned long long>(value)); }

}  // namespace lockstep

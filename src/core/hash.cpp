#include "lockstep/core/hash.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lockstep/core/error.h"

namespace lockstep {

struct Hasher::State {
  XXH3_state_t state;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->state); }

Hasher::~Hasher() = default;

void Hasher::add(Bytes piece) { XXH3_64bits_update(&state_->state, piece.data(), piece.size()); }

uint64_t Hasher::value() const { return XXH3_64bits_digest(&state_->state); }

uint64_t hash_file(const Path& path) {
  constexpr size_t kPiece = size_t{1} << 20;
  const auto piece = std::make_unique_for_overwrite<std::byte[]>(kPiece);
  const auto close = [](std::FILE* open) { std::fclose(open); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"));
  Hasher hasher;
  size_t size = 0;
  while (file && (size = std::fread(piece.get(), 1, kPiece, file.get())) > 0) hasher.add({piece.get(), size});
  require(file && !std::ferror(file.get()), ErrorKind::kIo, path.string(), ": cannot read: ", std::strerror(errno));
  return hasher.value();
}

uint64_t hash(Bytes bytes, uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

uint64_t hash(std::string_view text, uint64_t seed) { return hash(std::as_bytes(std::span(text)), seed); }

std::string hash_text(uint64_t value) { return format("%016llx", static_cast<unsigned long long>(value)); }

}  // namespace lockstep

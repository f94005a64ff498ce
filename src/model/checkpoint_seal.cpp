#include "checkpoint_seal.h"

#include <cstdlib>
#include <filesystem>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"

namespace lockstep::model::checkpoint {
namespace {

constexpr size_t kHashDigits = 16;

std::string to_text(const Seals& seals) {
  std::string text;
  for (const auto& [name, sealed] : seals) text += cat(hash_text(sealed.hash), " ", sealed.size, " ", name, "\n");
  return text + hash_text(hash(text)) + "\n";
}

/// A line without meaning is left out: the caller compares the whole text with what it should be.
Seals from_text(const std::string& text) {
  Seals seals;
  for (const std::string& line : split(text, '\n')) {
    const size_t blank = line.find(' ', kHashDigits + 1);
    if (blank == std::string::npos) continue;
    const auto size = parse_integer(std::string_view(line).substr(kHashDigits + 1, blank - kHashDigits - 1));
    const uint64_t hash = std::strtoull(line.substr(0, kHashDigits).c_str(), nullptr, 16);
    if (size) seals[line.substr(blank + 1)] = {hash, static_cast<uint64_t>(*size)};
  }
  return seals;
}

}  // namespace

void write_seals(const Path& checkpoint, const Seals& seals) {
  FileWriter file(checkpoint / kSeal);
  file.write(to_text(seals));
  file.finish(true);
}

Seals read_seals(const Path& checkpoint) {
  const Path path = checkpoint / kSeal;
  std::error_code ignored;
  require(std::filesystem::is_regular_file(path, ignored), ErrorKind::kData, checkpoint.string(),
          " is no checkpoint: it has no ", kSeal);
  const std::string text = read_text(path);
  Seals seals = from_text(text);
  require(text == to_text(seals), ErrorKind::kData, path.string(), " is damaged; use an older checkpoint");
  return seals;
}

std::string find_damage(const Path& file, const Fingerprint& sealed) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return file.string() + " is missing";
  const uint64_t size = std::filesystem::file_size(file, error);
  if (!error && size != sealed.size)
    return cat(file.string(), " is damaged: it has ", size, " bytes instead of ", sealed.size);
  const uint64_t found = hash_file(file);
  if (found == sealed.hash) return "";
  return cat(file.string(), " is damaged: its checksum is ", hash_text(found), " instead of ", hash_text(sealed.hash));
}

void verify(const Path& checkpoint) {
  for (const auto& [name, sealed] : read_seals(checkpoint)) {
    const std::string damage = find_damage(checkpoint / Path(name).filename(), sealed);
    require(damage.empty(), ErrorKind::kData, damage, "; use an older checkpoint");
  }
}

}  // namespace lockstep::model::checkpoint

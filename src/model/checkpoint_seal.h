#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep::model::checkpoint {

// SEAL, the last file of a checkpoint to be written: text, one line for each other file, by name, and one for itself.
//   XXH3 as 16 hexadecimal digits | ' ' | size in bytes | ' ' | file name | '\n'
//   XXH3 of all lines above | '\n'
constexpr const char* kSeal = "SEAL";

struct Fingerprint {
  uint64_t hash = 0, size = 0;
};
using Seals = std::map<std::string, Fingerprint>;  // file name -> what the file must be

/// Synced to the disk before it returns.
void write_seals(const Path& checkpoint, const Seals& seals);

/// Data Error when there is no SEAL or it is not, byte for byte, what write_seals() writes.
Seals read_seals(const Path& checkpoint);

/// What is wrong with the file, for a message; empty when it is what was sealed.
std::string find_damage(const Path& file, const Fingerprint& sealed);

/// All files against the SEAL, without keeping them in memory. Data Error naming the first that is damaged or missing.
void verify(const Path& checkpoint);

}  // namespace lockstep::model::checkpoint

#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::test {

/// "0a23d7ce 00000000" -> the bytes; blanks between are for the reader.
inline std::vector<std::byte> from_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    if (high >= 0) bytes.push_back(static_cast<std::byte>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline void write_bytes(const Path& path, Bytes bytes) {
  FileWriter file(path);
  file.write(bytes);
  file.finish();
}

inline const std::string kMagicText("\x0a\x23\xd7\xce", 4);

}  // namespace lockstep::test

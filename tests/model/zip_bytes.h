#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "zip.h"

namespace lockstep::test {

template <class Number>
void append_number(std::string& text, Number number) {
  text.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

struct ZipOptions {
  bool zip64 = false;        ///< offsets and numbers as archives beyond 4 GiB have them
  uint16_t method = 0;       ///< 8: compressed
  bool names_twice = false;  ///< the list has every entry two times
  std::string comment = {};
};

/// A zip archive with these entries, byte by byte.
inline std::string zip_bytes(const std::map<std::string, std::string>& entries, const ZipOptions& options = {}) {
  std::string archive, list;
  uint64_t count = 0;
  for (const auto& [name, content] : entries) {
    const uint64_t offset = archive.size();
    const uint32_t crc = model::crc32(std::as_bytes(std::span(content)));
    const auto size = static_cast<uint32_t>(content.size()), all_ones = 0xffffffffu;
    const auto append_facts = [&](std::string& text, uint32_t stored_size) {
      for (const uint16_t half : {uint16_t{20}, uint16_t{0}, options.method, uint16_t{0}, uint16_t{0}})
        append_number(text, half);
      for (const uint32_t word : {crc, stored_size, stored_size}) append_number(text, word);
      append_number(text, static_cast<uint16_t>(name.size()));
    };
    append_number(archive, 0x04034b50u);
    append_facts(archive, size);
    append_number(archive, uint16_t{3});
    archive += name + "pad" + content;
    for (int repeated = 0; repeated <= options.names_twice; ++repeated, ++count) {
      append_number(list, 0x02014b50u);
      append_number(list, uint16_t{20});
      append_facts(list, options.zip64 ? all_ones : size);
      append_number(list, static_cast<uint16_t>(options.zip64 ? 28 : 0));
      list.append(10, '\0');
      append_number(list, options.zip64 ? all_ones : static_cast<uint32_t>(offset));
      list += name;
      if (!options.zip64) continue;
      append_number(list, uint16_t{1});
      append_number(list, uint16_t{24});
      for (const uint64_t number : {uint64_t{size}, uint64_t{size}, offset}) append_number(list, number);
    }
  }
  const uint64_t begin = archive.size();
  archive += list;
  if (options.zip64) {
    const uint64_t end = archive.size();
    append_number(archive, 0x06064b50u);
    append_number(archive, uint64_t{44});
    archive.append(12, '\0');
    for (const uint64_t number : {count, count, uint64_t{list.size()}, begin}) append_number(archive, number);
    append_number(archive, 0x07064b50u);
    append_number(archive, 0u);
    append_number(archive, end);
    append_number(archive, 1u);
  }
  append_number(archive, 0x06054b50u);
  append_number(archive, 0u);
  const auto short_count = static_cast<uint16_t>(options.zip64 ? 0xffff : count);
  append_number(archive, short_count);
  append_number(archive, short_count);
  append_number(archive, options.zip64 ? 0xffffffffu : static_cast<uint32_t>(list.size()));
  append_number(archive, options.zip64 ? 0xffffffffu : static_cast<uint32_t>(begin));
  append_number(archive, static_cast<uint16_t>(options.comment.size()));
  return archive + options.comment;
}

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace lockstep::test

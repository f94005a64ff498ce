#pragma once

#include <map>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep::model {

/// A zip archive in memory whose entries are stored, not compressed, as torch.save writes it. Nothing is unpacked.
class Zip {
 public:
  /// Reads the list of entries. Data Error with `where` and the offset for damage, names that stand twice, and what
  /// lies outside of the file. The bytes must outlive the Zip.
  Zip(Bytes bytes, std::string where);

  /// Whether the bytes begin as a zip archive does.
  static bool is_zip(Bytes bytes);

  struct Entry {
    uint64_t header = 0;  ///< where its local header begins
    uint64_t size = 0;
    uint32_t crc = 0;
    bool stored = true;
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  bool has(const std::string& name) const { return entries_.contains(name); }

  /// The content, checked against its CRC. Data Error when there is none of that name, when it is compressed or
  /// damaged.
  Bytes read(const std::string& name) const;

 private:
  void read_directory(uint64_t offset, uint64_t size, uint64_t count);

  Bytes bytes_;
  std::string where_;
  std::map<std::string, Entry> entries_;
};

/// The CRC-32 of zip and gzip.
uint32_t crc32(Bytes bytes);

}  // namespace lockstep::model

#include "zip.h"

#include <array>

#include "byte_reader.h"

// Little-endian. The file is read from its end:
//   entry          "PK\3\4" u16 version, flags, method, time, date | u32 crc, packed, size | u16 name, extra lengths |
//                  name | extra | content
//   directory      for each entry "PK\1\2" u16 made by, version, flags, method, time, date | u32 crc, packed, size |
//                  u16 name, extra, comment lengths, disk, attributes | u32 attributes, offset of the entry | name |
//                  extra | comment
//   end (zip64)    "PK\6\6" u64 length | u16 made by, version | u32 disk, disk | u64 entries, entries, size and offset
//                  of the directory
//   locator        "PK\6\7" u32 disk | u64 offset of the end (zip64) | u32 disks
//   end            "PK\5\6" u16 disk, disk, entries, entries | u32 size and offset of the directory | u16 comment
//   length
// Numbers that do not fit are all ones; then the end (zip64), and of an entry its extra field 1, says them.
namespace lockstep::model {
namespace {

constexpr uint32_t kEntry = 0x04034b50, kDirectory = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator = 0x07064b50;
constexpr size_t kEndSize = 22, kLocatorSize = 20, kLongestComment = 65535;
constexpr uint64_t kMostEntries = 1'000'000;
constexpr uint32_t kSaturated = 0xffffffff;

uint32_t number_at(Bytes bytes, size_t offset) {
  uint32_t number;
  std::memcpy(&number, bytes.data() + offset, sizeof(number));
  return number;
}

/// Where the end record is. It may have a comment behind it.
size_t find_end(Bytes bytes, const std::string& where) {
  const size_t size = bytes.size();
  const size_t most = size < kEndSize ? 0 : std::min(size - kEndSize, kLongestComment);
  if (size >= kEndSize)
    for (size_t back = 0; back <= most; ++back)
      if (number_at(bytes, size - kEndSize - back) == kEnd) return size - kEndSize - back;
  fail(ErrorKind::kData, where, ": offset ", size,
       ": a zip archive ends in its list of entries, and this file does not; it is cut off or damaged");
}

struct Directory {
  uint64_t offset = 0, size = 0, count = 0;
};

Directory find_directory(Bytes bytes, const std::string& where) {
  const size_t end = find_end(bytes, where);
  ByteReader reader(bytes, where);
  reader.take(end + 10, "the end of the archive");
  Directory found;
  found.count = reader.read<uint16_t>("the number of entries");
  found.size = reader.read<uint32_t>("the size of the list of entries");
  found.offset = reader.read<uint32_t>("the offset of the list of entries");
  if (found.count != 0xffff && found.size != kSaturated && found.offset != kSaturated) return found;

  if (end < kLocatorSize || number_at(bytes, end - kLocatorSize) != kLocator)
    fail(ErrorKind::kData, where, ": offset ", end, ": the zip64 record is absent; the file is damaged");
  ByteReader locator(bytes, where);
  locator.take(end - kLocatorSize + 8, "the zip64 locator");
  const auto offset = locator.read<uint64_t>("the offset of the zip64 record");
  ByteReader record(bytes, where);
  record.take(offset, "the offset of the zip64 record");
  if (record.read<uint32_t>("the zip64 record") != kEnd64) record.refuse("no zip64 record; the file is damaged");
  record.take(28, "the zip64 record");
  found.count = record.read<uint64_t>("the number of entries");
  found.size = record.read<uint64_t>("the size of the list of entries");
  found.offset = record.read<uint64_t>("the offset of the list of entries");
  return found;
}

/// Replaces what did not fit into 32 bits by the numbers of the extra field 1, which stand in this order.
void read_extra(Bytes extra, const std::string& where, uint64_t& size, uint64_t& packed, uint64_t& offset) {
  ByteReader reader(extra, where);
  while (reader.remaining() >= 4) {
    const auto id = reader.read<uint16_t>("an extra field");
    ByteReader field(reader.take(reader.read<uint16_t>("an extra field"), "an extra field"), where);
    if (id != 1) continue;
    for (uint64_t* number : {&size, &packed, &offset})
      if (*number == kSaturated) *number = field.read<uint64_t>("a zip64 number");
  }
}

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

}  // namespace

uint32_t crc32(Bytes bytes) {
  static constexpr auto kTable = make_crc_table();
  uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) crc = kTable[(crc ^ static_cast<uint32_t>(byte)) & 255] ^ crc >> 8;
  return ~crc;
}

bool Zip::is_zip(Bytes bytes) {
  return bytes.size() >= 4 && (number_at(bytes, 0) == kEntry || number_at(bytes, 0) == kEnd);
}

Zip::Zip(Bytes bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {
  const Directory directory = find_directory(bytes_, where_);
  read_directory(directory.offset, directory.size, directory.count);
}

void Zip::read_directory(uint64_t offset, uint64_t size, uint64_t count) {
  ByteReader reader(bytes_, where_);
  reader.take(offset, "the offset of the list of entries");
  if (size > reader.remaining())
    reader.refuse("the list of entries has ", size, " bytes; the file is cut off or damaged");
  if (count > kMostEntries) reader.refuse(count, " entries; a file of weights has less than ", kMostEntries);
  for (uint64_t i = 0; i < count; ++i) {
    if (reader.read<uint32_t>("an entry of the list") != kDirectory)
      reader.refuse("entry ", i, " of the list does not begin as one; the file is damaged");
    reader.take(4, "an entry of the list");
    const auto flags = reader.read<uint16_t>("an entry's flags");
    const auto method = reader.read<uint16_t>("an entry's method");
    reader.take(4, "an entry's time");
    Entry entry;
    entry.crc = reader.read<uint32_t>("an entry's CRC");
    uint64_t packed = reader.read<uint32_t>("an entry's size");
    entry.size = reader.read<uint32_t>("an entry's size");
    const auto name_size = reader.read<uint16_t>("the length of a name");
    const auto extra_size = reader.read<uint16_t>("the length of an extra field");
    const auto comment_size = reader.read<uint16_t>("the length of a comment");
    reader.take(8, "an entry's attributes");
    entry.header = reader.read<uint32_t>("an entry's offset");
    const Bytes name_bytes = reader.take(name_size, "an entry's name");
    const std::string name(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());
    read_extra(reader.take(extra_size, "an extra field"), cat(where_, ": entry \"", name, "\""), entry.size, packed,
               entry.header);
    reader.take(comment_size, "a comment");
    entry.stored = method == 0 && packed == entry.size && (flags & 1) == 0;
    if (!entries_.emplace(name, entry).second) reader.refuse("entry \"", name, "\" stands twice");
  }
}

Bytes Zip::read(const std::string& name) const {
  const auto found = entries_.find(name);
  require(found != entries_.end(), ErrorKind::kData, where_, ": entry \"", name, "\" is absent");
  const Entry& entry = found->second;
  const std::string where = cat(where_, ": entry \"", name, "\"");
  require(entry.stored, ErrorKind::kData, where,
          ": it is compressed or encrypted, which torch.save never does; load and save the file with torch");
  ByteReader reader(bytes_, where);
  reader.take(entry.header, "its offset");
  if (reader.read<uint32_t>("its header") != kEntry) reader.refuse("no entry begins here; the file is damaged");
  reader.take(22, "its header");
  const auto name_size = reader.read<uint16_t>("its header");
  const auto extra_size = reader.read<uint16_t>("its header");
  const Bytes repeated = reader.take(name_size, "its name");
  if (name != std::string_view(reinterpret_cast<const char*>(repeated.data()), repeated.size()))
    reader.refuse("another name stands here than in the list of entries");
  reader.take(extra_size, "its extra field");
  const size_t begin = reader.offset();
  const Bytes content = reader.take(entry.size, "its content");
  require(crc32(content) == entry.crc, ErrorKind::kData, where, ": offset ", begin,
          ": the CRC is wrong, so the file is damaged (or was saved without checksums; then save it again with torch)");
  return content;
}

}  // namespace lockstep::model

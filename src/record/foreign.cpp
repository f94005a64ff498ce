#include "foreign.h"

#include <array>
#include <optional>
#include <string_view>

#include "little_endian.h"

namespace lockstep::record {
namespace {

struct Signature {
  std::string_view bytes;
  const char* name;
};

constexpr std::array kSignatures = {
    Signature{"PK\x03\x04", "a zip archive"},
    Signature{"PK\x05\x06", "an empty zip archive"},
    Signature{"\x1f\x8b", "a gzip file"},
    Signature{"\x28\xb5\x2f\xfd", "a zstd file"},
    Signature{"\xff\xd8\xff", "a JPEG picture"},
    Signature{"\x89PNG", "a PNG picture"},
    Signature{"\x89HDF", "an HDF5 file"},
    Signature{"PAR1", "a Parquet file"},
    Signature{"{", "JSON text"},
    Signature{"<", "HTML or XML text, perhaps the error page of a download"},
    Signature{"version https://git-lfs", "the pointer of a file in Git LFS, which was not downloaded"},
};

/// CRC-32C (Castagnoli), reflected, polynomial 0x82F63B78, rotated and shifted as TFRecord masks it.
uint32_t masked_crc32c(Bytes bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const std::byte b : bytes) {
    crc ^= static_cast<uint32_t>(b);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78 : 0);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

/// TFRecord = (length:u64, masked crc32c of the length:u32, data, masked crc32c of the data:u32)*
bool is_tfrecord(Bytes file) { return file.size() >= 12 && load<uint32_t>(file, 8) == masked_crc32c(file.first(8)); }

/// Reads a protobuf varint at `at` and steps behind it.
std::optional<uint64_t> read_varint(Bytes bytes, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto b = static_cast<uint64_t>(bytes[at++]);
    value |= (b & 0x7F) << shift;
    if (b < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace

bool is_protobuf_record(Bytes payload) {
  for (size_t at = 0; at < payload.size();) {
    const auto tag = static_cast<unsigned>(payload[at++]);
    const bool known = (tag & 7) == 2 && tag >> 3 >= 1 && tag >> 3 <= 5;
    if (!known) return false;
    const auto length = read_varint(payload, at);
    if (!length || *length > payload.size() - at) return false;
    at += *length;
  }
  return !payload.empty();
}

std::string foreign_format(Bytes file) {
  if (is_tfrecord(file)) return "a TFRecord file";
  const std::string_view begin(reinterpret_cast<const char*>(file.data()), file.size());
  for (const auto& signature : kSignatures)
    if (begin.starts_with(signature.bytes)) return signature.name;
  size_t at = 0;
  const auto length = read_varint(file.first(std::min<size_t>(file.size(), 10)), at);
  const bool delimited =
      length && *length > 0 && *length <= file.size() - at && is_protobuf_record(file.subspan(at, *length));
  if (delimited || is_protobuf_record(file)) return "a file of protobuf messages without RecordIO frames";
  return "";
}

}  // namespace lockstep::record

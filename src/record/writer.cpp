#include "lockstep/record/writer.h"

#include <array>

#include "little_endian.h"
#include "lockstep/core/error.h"
#include "lockstep/record/format.h"

namespace lockstep::record {
namespace {

constexpr std::array<std::byte, 4> kZeros{};

void write_part(FileWriter& file, uint32_t kind, Bytes bytes) {
  const std::array<uint32_t, 2> header = {kMagic, kind << 29 | static_cast<uint32_t>(bytes.size())};
  file.write(std::as_bytes(std::span(header)));
  file.write(bytes);
  file.write(Bytes(kZeros).first((4 - bytes.size() % 4) % 4));
}

}  // namespace

Writer::Writer(const Path& records, const Path& index) : records_(records) {
  if (!index.empty()) index_.emplace(index);
}

void Writer::write(uint64_t key, Bytes payload) {
  require(payload.size() <= kMaxRecordBytes, ErrorKind::kData, "record ", key, " has ", payload.size(),
          " bytes; RecordIO holds at most ", kMaxRecordBytes, " (512 MiB) in one");
  if (index_) index_->write(cat(key, '\t', records_.offset(), '\n'));
  size_t cut = 0;
  for (size_t at = 0; at + 4 <= payload.size(); at += 4) {
    if (load<uint32_t>(payload, at) != kMagic) continue;
    write_part(records_, cut == 0 ? 1 : 2, payload.subspan(cut, at - cut));
    cut = at + 4;
  }
  write_part(records_, cut == 0 ? 0 : 3, payload.subspan(cut));
}

void Writer::finish() {
  records_.finish(true);
  if (index_) index_->finish(true);
}

}  // namespace lockstep::record

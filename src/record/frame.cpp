#include "frame.h"

#include <algorithm>

#include "little_endian.h"
#include "lockstep/core/text.h"
#include "lockstep/record/format.h"

namespace lockstep::record {
namespace {

constexpr uint64_t kPartHeaderBytes = 8;

enum PartKind : uint32_t { kWhole = 0, kFirst = 1, kMiddle = 2, kLast = 3 };

uint64_t padded(uint64_t bytes) { return (bytes + 3) / 4 * 4; }

struct Part {
  uint32_t kind = 0;
  uint64_t length = 0;
  std::string problem;
};

Part read_part(Bytes file, uint64_t offset) {
  if (file.size() - offset < kPartHeaderBytes)
    return {.problem = cat("the file ends ", file.size() - offset, " bytes into the header of a part")};
  const auto magic = load<uint32_t>(file, offset);
  if (magic != kMagic)
    return {.problem = format("the part at byte %llu begins with %08X instead of the magic %08X",
                              static_cast<unsigned long long>(offset), magic, kMagic)};
  const auto word = load<uint32_t>(file, offset + 4);
  Part part{.kind = word >> 29, .length = word & kLengthMask, .problem = {}};
  const uint64_t left = file.size() - offset - kPartHeaderBytes;
  if (part.kind > kLast) {
    part.problem = cat("the part at byte ", offset, " is of the unknown kind ", part.kind);
  } else if (padded(part.length) > left) {
    part.problem = cat("the part at byte ", offset, " says ", part.length, " bytes, but the file ends after ", left);
  }
  return part;
}

bool padding_is_zero(Bytes file, uint64_t begin, uint64_t end) {
  return std::ranges::all_of(file.subspan(begin, end - begin), [](std::byte b) { return b == std::byte{0}; });
}

bool expected(uint32_t kind, bool first) {
  return first ? kind == kWhole || kind == kFirst : kind == kMiddle || kind == kLast;
}

}  // namespace

Frame follow(Bytes file, uint64_t offset) {
  Frame frame;
  for (uint64_t at = offset;;) {
    const bool first = at == offset;
    Part part = read_part(file, at);
    if (part.problem.empty() && !expected(part.kind, first))
      part.problem =
          cat("the part at byte ", at,
              first ? " continues a record that has not begun" : " begins another record before this one ended");
    const uint64_t data = at + kPartHeaderBytes;
    frame.end = data + padded(part.length);
    if (part.problem.empty() && !padding_is_zero(file, data + part.length, frame.end))
      part.problem =
          cat("the padding behind the part at byte ", at, " is not zero: its length ", part.length, " is wrong");
    frame.bytes += part.length + (first ? 0 : sizeof kMagic);
    if (part.problem.empty() && frame.bytes > kMaxRecordBytes)
      part.problem = cat("its parts add up to more than ", kMaxRecordBytes, " bytes");
    if (!part.problem.empty()) {
      frame.problem = std::move(part.problem);
      return frame;
    }
    frame.whole = part.kind == kWhole;
    if (part.kind == kWhole || part.kind == kLast) return frame;
    at = frame.end;
  }
}

uint64_t next_record(Bytes file, uint64_t offset) {
  for (uint64_t at = padded(offset); at + kPartHeaderBytes <= file.size(); at += 4)
    if (load<uint32_t>(file, at) == kMagic && (load<uint32_t>(file, at + 4) >> 29) <= kFirst) return at;
  return file.size();
}

bool ends_well(Bytes file, uint64_t end) {
  const Bytes magic = std::as_bytes(std::span(&kMagic, 1));
  const Bytes found = file.subspan(end, std::min<uint64_t>(magic.size(), file.size() - end));
  int different = 0;
  for (size_t i = 0; i < found.size(); ++i) different += found[i] != magic[i];
  if (different > 0 || file.size() - end < kPartHeaderBytes) return different <= 1;
  const uint32_t kind = load<uint32_t>(file, end + 4) >> 29;
  return kind != kMiddle && kind != kLast;
}

bool holds_magic(Bytes part) {
  bool found = false;  // no early way out: this loop runs over every picture that is read and must stay a vector loop
  for (size_t at = 0; at + 4 <= part.size(); at += 4) found |= load<uint32_t>(part, at) == kMagic;
  return found;
}

bool join_parts(Bytes file, uint64_t offset, std::vector<std::byte>& payload) {
  payload.clear();
  for (uint64_t at = offset;;) {
    const Part part = read_part(file, at);
    const Bytes bytes = file.subspan(at + kPartHeaderBytes, part.length);
    if (holds_magic(bytes)) return false;
    if (at != offset) append(payload, kMagic);
    payload.insert(payload.end(), bytes.begin(), bytes.end());
    if (part.kind == kLast) return true;
    at += kPartHeaderBytes + padded(part.length);
  }
}

}  // namespace lockstep::record

#include "lockstep/record/reader.h"

#include <charconv>

#include "foreign.h"
#include "frame.h"
#include "little_endian.h"
#include "lockstep/core/error.h"
#include "lockstep/record/format.h"

namespace lockstep::record {
namespace {

constexpr uint64_t kPartHeaderBytes = 8;

void require_records(const MappedFile& file) {
  const Bytes bytes = file.bytes();
  const bool begins_well = bytes.size() >= 4 && load<uint32_t>(bytes, 0) == kMagic;
  if (begins_well) return;
  const std::string found = foreign_format(bytes);
  std::string begin;
  for (const std::byte b : bytes.first(std::min<size_t>(bytes.size(), 4)))
    begin += format("%02X ", static_cast<unsigned>(b));
  fail(ErrorKind::kData, file.path().string(), ": record 0 at byte 0: begins with ", begin,
       "and not as RecordIO (0A 23 D7 CE)",
       found.empty() ? "; `lockstep pack` makes RecordIO from pictures" : cat("; this is ", found),
       found.empty() ? "" : "; unpack it and let `lockstep pack` make RecordIO from the pictures");
}

void require_images(const MappedFile& file) {
  const Bytes bytes = file.bytes();
  const Frame first = follow(bytes, 0);
  if (!first.problem.empty() || !first.whole) return;
  require(!is_protobuf_record(bytes.subspan(kPartHeaderBytes, first.bytes)), ErrorKind::kData, file.path().string(),
          ": record 0 at byte 0 is a protobuf message (SageMaker's recordio-protobuf), not an image; image "
          "classification reads "
          "RecordIO made by `lockstep pack` or im2rec");
}

/// The offsets as the lines of an index say them.
struct Index {
  std::vector<uint64_t> offsets;
  std::string problem;
};

Index parse_index(std::string_view text) {
  Index index;
  size_t line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto fields = trim(text.substr(at, end - at));
    at = end + 1;
    if (fields.empty()) continue;
    const size_t gap = fields.find_last_of(" \t");
    const auto digits = gap == std::string_view::npos ? std::string_view() : fields.substr(gap + 1);
    uint64_t offset = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
    if (digits.empty() || error != std::errc() || rest != digits.data() + digits.size()) {
      index.problem = cat("stale: line ", line, " is not `key TAB offset`");
      return index;
    }
    index.offsets.push_back(offset);
  }
  return index;
}

/// Why these offsets are not exactly the records of the file, or empty.
std::string check_index(Bytes file, const std::vector<uint64_t>& offsets) {
  uint64_t expected = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] != expected) return cat("stale: record ", i, " begins at byte ", expected, ", not at ", offsets[i]);
    if (expected == file.size()) return cat("stale: it names ", offsets.size(), " records, the file ends after ", i);
    const Frame frame = follow(file, expected);
    if (!frame.problem.empty()) return cat("not usable: record ", i, ": ", frame.problem);
    expected = frame.end;
  }
  if (expected != file.size()) return cat("stale: it names ", offsets.size(), " records, the file goes on");
  return "";
}

Index read_index(const Path& records, Bytes file) {
  Path path = records;
  path.replace_extension(".idx");
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {.offsets = {}, .problem = "absent"};
  try {
    Index index = parse_index(read_text(path));
    if (index.problem.empty()) index.problem = check_index(file, index.offsets);
    return index;
  } catch (const Error& unreadable) {
    return {.offsets = {}, .problem = cat("unreadable: ", unreadable.what())};
  }
}

/// Where records begin. Damage up to the next start is one record, which read() refuses; a record that does not end
/// well is part of the damage, because what stands behind it may be its rest.
std::vector<uint64_t> scan(Bytes file) {
  std::vector<uint64_t> offsets;
  for (uint64_t at = 0; at < file.size();) {
    offsets.push_back(at);
    const Frame frame = follow(file, at);
    at = frame.problem.empty() && ends_well(file, frame.end) ? frame.end : next_record(file, at + 4);
  }
  return offsets;
}

}  // namespace

Reader::Reader(const Path& path) : file_(path) {
  if (file_.size() == 0) return;
  require_records(file_);
  require_images(file_);
  Index index = read_index(path, file_.bytes());
  index_note_ = std::move(index.problem);
  offsets_ = index_note_.empty() ? std::move(index.offsets) : scan(file_.bytes());
}

Bytes Reader::read(size_t i, std::vector<std::byte>& storage) const {
  require(i < size(), ErrorKind::kBug, path().string(), " has no record ", i, ", only ", size());
  const uint64_t offset = offsets_[i];
  const Frame frame = follow(file_.bytes(), offset);
  const auto refuse = [&](const std::string& problem) {
    fail(ErrorKind::kData, path().string(), ": record ", i, " at byte ", offset, " is damaged: ", problem);
  };
  if (!frame.problem.empty()) refuse(frame.problem);
  const uint64_t end = i + 1 < size() ? offsets_[i + 1] : file_.size();
  if (frame.end != end)
    refuse(
        cat("by its header it ends at byte ", frame.end, ", but no record begins there: its length or kind is wrong"));
  const Bytes whole = frame.whole ? file_.bytes().subspan(offset + kPartHeaderBytes, frame.bytes) : Bytes();
  const bool sound = frame.whole ? !holds_magic(whole) : join_parts(file_.bytes(), offset, storage);
  if (!sound) refuse(cat("another record begins inside its ", frame.bytes, " bytes: its length is wrong"));
  return frame.whole ? whole : Bytes(storage);
}

}  // namespace lockstep::record

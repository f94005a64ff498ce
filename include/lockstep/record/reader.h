#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// A .rec file open for random reading by any number of threads, without lock; a record that was not cut in parts is
/// not copied.
///
/// Record numbers are positions in the file. Where they begin comes from the .idx beside the file when that one is
/// complete and true (every offset is a record start, the last record ends at the end of the file); otherwise from a
/// scan of the whole file, which also steps over damage: the reader resynchronises at the next record start, and the
/// gap is kept as one damaged record.
class Reader {
 public:
  /// io Error when the file cannot be opened; data Error when it does not begin as RecordIO (TFRecord, zip and protobuf
  /// are named).
  explicit Reader(const Path& path);

  size_t size() const { return offsets_.size(); }
  const Path& path() const { return file_.path(); }

  /// The payload of record i. Points into the mapped file, or into `storage` when the record had to be put together.
  /// Valid as long as both live. Data Error with path, byte offset and record number when the record is damaged.
  Bytes read(size_t i, std::vector<std::byte>& storage) const;

  /// The byte offset of record i's first part.
  uint64_t offset(size_t i) const { return offsets_[i]; }

  /// Why the index file was not used ("absent", "stale: ..."), or empty.
  const std::string& index_note() const { return index_note_; }

 private:
  MappedFile file_;
  std::vector<uint64_t> offsets_;
  std::string index_note_;
};

}  // namespace lockstep::record

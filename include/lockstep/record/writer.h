#pragma once

#include <cstdint>
#include <optional>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// Writes PREFIX.rec and PREFIX.idx, byte for byte as MXNet's MXIndexedRecordIO. One thread.
class Writer {
 public:
  /// `index` may be empty: then no index is written.
  Writer(const Path& records, const Path& index);

  /// Appends a record; data Error above 2^29-1 bytes.
  void write(uint64_t key, Bytes payload);

  /// Completes both files; io Error if anything did not reach the disk.
  void finish();

 private:
  FileWriter records_;
  std::optional<FileWriter> index_;
};

}  // namespace lockstep::record

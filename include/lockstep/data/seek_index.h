#pragma once

#include <cstdint>

#include "lockstep/core/file.h"

// PREFIX.jdx beside PREFIX.rec: where decoding can start inside each picture. All numbers little-endian.
//
//   file    = head  points*  table  tail
//   head    = 8 bytes                 6C 6F 63 6B 6A 64 78 31: "lockjdx" and the version, "1"
//   points  = image::index_scan() of the picture of record 0, 1, ...; empty for a picture that has none, and for
//             pictures of less than 4096 bytes
//   table   = entry*                  one a record, in the order of the records; nothing where no picture has points
//   entry   = end:u64  check:u64      end: where the record's points end, counted from the end of the head
//                                     check: XXH3(points, seed XXH3(picture)); 0 where there are no points
//   tail    = 48 bytes:
//     0   u64   number of records
//     8   u64   size of the .rec in bytes
//     16  u64   XXH3 of the whole .rec
//     24  u64   XXH3(its last 4096 bytes, seed XXH3(its first 4096 bytes)), as far as it has them
//     32  u64   XXH3 of the table
//     40  u64   XXH3 of the 40 bytes before
//
// The first 4096 bytes hold the first record's frame, the last ones the last record's end; they, the size and the
// number of records are compared when the file is opened. An entry binds points to the bytes of one picture: both are
// checked when a sample is read for the first time. So points of another picture, or damaged ones, never reach the
// decoder.
namespace lockstep::data {

struct SeekIndexSummary {
  Path path;
  int64_t records = 0;
  int64_t indexed = 0;     ///< that have points
  int64_t unreadable = 0;  ///< damaged records, which have none
  uint64_t bytes = 0;      ///< of the .jdx
  uint64_t record_bytes = 0;
  double seconds = 0;
};

/// PREFIX.jdx of PREFIX.rec.
Path seek_index_path(const Path& records);

/// Writes it, on `threads` threads, with a progress line; it takes the place of an older one when it is complete.
/// Errors as record::Reader's; io Error where it cannot be written.
SeekIndexSummary write_seek_index(const Path& records, int threads);

/// Reads both files whole. Data Error saying what is wrong; io Error where there is none.
SeekIndexSummary check_seek_index(const Path& records, int threads);

}  // namespace lockstep::data

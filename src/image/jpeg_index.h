#pragma once

#include <vector>

#include "jpeg_scan.h"

namespace lockstep::image {

/// The seek points of a scan: one at every `step`-th MCU of each row of MCUs, the first of the row included.
///
/// In bytes (index_scan() writes them):
///   0   u8   version, 1
///   1   u32  size of the JPEG file in bytes, little endian (a cheap guard against an index of another file)
///   5   u16  step in MCUs, little endian, 1..65535
///   7   u8   4 bits: components - 1, 4 bits: 0
///   8   one u8 for the places and one for the DC numbers of each component: the parameter r of their Rice code, 0..24
///   then bits, the first at the top of the first byte; the last byte is filled up with zeros. For each point, row by
///   row from left to right:
///     its distance in bits from the point before (from the beginning of the data for the first), less the distance of
///     the point above (of the point before in the first row; of 0 for the very first);
///     for each component its DC number, less that of the point above (the point before in the first row; 0 at first).
///   Each difference d is coded as n = 2 * d, or -2 * d - 1 where it is negative: n >> r ones, a zero, and the lower r
///   bits of n; where n >> r is 24 or more: 24 ones and n in 32 bits.
/// A place is counted in bits from the first byte of the entropy-coded data, as it stands in the file with its stuffed
/// bytes and markers. Where a restart marker stands between two MCUs, the place is behind it.
struct JpegIndex {
  int step = 0;    ///< 0: no points
  int across = 0;  ///< points in a row of MCUs
  std::vector<SeekPoint> points;

  bool is_empty() const { return points.empty(); }
};

/// Finds the points: about one for every 256 bytes of the scan (384 where it has less than 16 KiB), but none closer
/// than 64 pixels. False where the scan is not regular to its end.
bool find_seek_points(size_t file_bytes, const JpegHeader& header, JpegScan& scan, JpegIndex& index);

std::vector<std::byte> pack_index(size_t file_bytes, const JpegHeader& header, const JpegIndex& index);

/// Reads the points of the first `rows` rows of MCUs. False where the bytes cannot be the index of this file; `index`
/// is empty then.
bool unpack_index(Bytes packed, size_t file_bytes, const JpegHeader& header, int rows, JpegIndex& index);

}  // namespace lockstep::image

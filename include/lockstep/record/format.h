#pragma once

#include <cstdint>

// The RecordIO frame, as dmlc-core and MXNet read and write it. All numbers little-endian.
//
//   file    = part*                                    no header, no footer; every part starts at a multiple of 4
//   part    = magic:u32  lrec:u32  payload  padding    padding: 0..3 zero bytes up to the next multiple of 4
//   magic   = 0xCED7230A                               bytes 0A 23 D7 CE
//   lrec    = cflag << 29 | length                     length of this part's payload in bytes, without padding
//   cflag   = 0 a whole record | 1 first part | 2 middle part | 3 last part
//   record  = part(0)  |  part(1) part(2)* part(3)
//
// A payload in which the magic stands at a multiple of 4 is cut there: the 4 bytes are left out and the reader puts
// them back between the parts. So a word equal to the magic at a multiple of 4 of the file is always a true part.
//
// Payload of an image record:
//
//   flag:u32  label:f32  id:u64  id2:u64  labels:f32[flag]  picture
//
// flag = 0: the label is `label`. flag = k > 0: k labels follow and `label` must be ignored. id: the index column of
// the .lst.
//
// Index file (.idx): text, one line a record in file order: `key TAB offset-of-the-record's-first-part LF`; key = id.
// List file (.lst): text, one line a picture: `index TAB label (TAB label)* TAB path LF`.
namespace lockstep::record {

inline constexpr uint32_t kMagic = 0xCED7230A;
inline constexpr uint32_t kLengthMask = (1u << 29) - 1;
inline constexpr uint64_t kMaxRecordBytes = kLengthMask;
inline constexpr uint64_t kImageHeaderBytes = 24;

}  // namespace lockstep::record

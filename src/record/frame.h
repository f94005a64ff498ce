#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// What the bytes from `offset` on are (format.h).
struct Frame {
  uint64_t end = 0;     ///< where the next record begins; meaningless when there is a problem
  uint64_t bytes = 0;   ///< payload, put together
  bool whole = true;    ///< one part: the payload is the `bytes` behind the first header
  std::string problem;  ///< why this is no record, or empty
};

/// Follows the parts of the record that begins at `offset`, reading headers and padding alone.
Frame follow(Bytes file, uint64_t offset);

/// The first place at or after `offset` where a record begins (magic, then a first or only part), or the size of the
/// file.
uint64_t next_record(Bytes file, uint64_t offset);

/// True when a record that ends at `end` may be believed: the file ends there, another record begins, or a header with
/// a damaged byte stands there. Anything else may as well be the rest of this record, whose length or kind is wrong
/// then.
bool ends_well(Bytes file, uint64_t end);

/// True when the magic stands at a multiple of 4 inside these bytes of one part: a writer would have cut there, so the
/// length is wrong.
bool holds_magic(Bytes part);

/// Puts a record of several parts together; follow() found no problem. False when a part holds the magic.
bool join_parts(Bytes file, uint64_t offset, std::vector<std::byte>& payload);

}  // namespace lockstep::record

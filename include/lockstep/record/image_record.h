#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// An image record taken apart (format.h). `picture` points into the payload.
struct ImageRecord {
  uint64_t id = 0;
  Bytes picture;
};

/// Takes a payload apart; `labels` is refilled. Throws a data Error that says what is wrong with the payload (the
/// caller adds where).
ImageRecord parse(Bytes payload, std::vector<float>& labels);

/// The payload as MXNet's recordio.pack() writes it. `packed`: all labels follow the header and its own label field is
/// 0 (im2rec
/// --pack-label with several labels); otherwise the first label stands in the header.
void pack(uint64_t id, std::span<const float> labels, bool packed, Bytes picture, std::vector<std::byte>& payload);

}  // namespace lockstep::record

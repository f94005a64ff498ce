#pragma once

#include <vector>

#include "lockstep/data/pack.h"
#include "lockstep/image/image.h"
#include "lockstep/record/list.h"

namespace lockstep::data {

/// Makes the payload of one record from one picture file. Keeps its memory; one for each thread.
class PictureEncoder {
 public:
  PictureEncoder(const PackOptions& options, bool packed) : options_(options), packed_(packed) {}

  /// Data Error when the picture is missing, is none or cannot be decoded; io Error when the disk fails.
  void encode(const Path& root, const record::ListEntry& entry, std::vector<std::byte>& payload);

 private:
  void encode_again(const image::Header& header);

  const PackOptions& options_;
  bool packed_;
  std::vector<std::byte> file_, encoded_;
  image::Image pixels_, resized_;
};

}  // namespace lockstep::data

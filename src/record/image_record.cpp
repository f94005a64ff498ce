#include "lockstep/record/image_record.h"

#include <cstring>

#include "foreign.h"
#include "little_endian.h"
#include "lockstep/core/error.h"
#include "lockstep/record/format.h"

namespace lockstep::record {

ImageRecord parse(Bytes payload, std::vector<float>& labels) {
  require(!is_protobuf_record(payload), ErrorKind::kData, "this is a protobuf message, not an image record");
  require(payload.size() >= kImageHeaderBytes, ErrorKind::kData, "an image record begins with ", kImageHeaderBytes,
          " bytes of header; these are ", payload.size(), " bytes");
  const auto count = load<uint32_t>(payload, 0);
  const uint64_t label_bytes = uint64_t{4} * count;
  require(label_bytes <= payload.size() - kImageHeaderBytes, ErrorKind::kData, "the header announces ", count,
          " labels, for which ", payload.size(), " bytes are too few");
  labels.resize(count > 0 ? count : 1);
  const size_t from = count > 0 ? kImageHeaderBytes : 4;
  std::memcpy(labels.data(), payload.data() + from, labels.size() * sizeof(float));
  return {.id = load<uint64_t>(payload, 8), .picture = payload.subspan(kImageHeaderBytes + label_bytes)};
}

void pack(uint64_t id, std::span<const float> labels, bool packed, Bytes picture, std::vector<std::byte>& payload) {
  require(!labels.empty(), ErrorKind::kBug, "picture ", id, " has no label");
  payload.clear();
  append(payload, packed ? static_cast<uint32_t>(labels.size()) : 0u);
  append(payload, packed ? 0.0f : labels.front());
  append(payload, id);
  append(payload, uint64_t{0});
  if (packed)
    for (const float label : labels) append(payload, label);
  payload.insert(payload.end(), picture.begin(), picture.end());
}

}  // namespace lockstep::record

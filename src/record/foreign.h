#pragma once

#include <string>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// What a file that does not begin with the magic is, as far as its first bytes tell: "a zip archive", "a TFRecord
/// file", ... or empty.
std::string foreign_format(Bytes file);

/// True for a message with the fields of SageMaker's protobuf records (features = 1, label = 2, uid = 3, metadata = 4,
/// configuration = 5), which lie in the same RecordIO frames as images do.
bool is_protobuf_record(Bytes payload);

}  // namespace lockstep::record

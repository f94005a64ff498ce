#pragma once

#include <string>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// Where the picture lies that a manifest names:
///   a path: as it stands, relative ones below `folder`;
///   file:///a%20b.jpg: that path;
///   s3://BUCKET/KEY: s3_root/BUCKET/KEY, or s3_root/KEY where only that exists.
/// Usage Error for s3:// without a root, with the command that copies the bucket; data Error for other addresses and
/// for keys that lead out of the root.
Path find_picture(const std::string& address, const Path& folder, const Path& s3_root);

}  // namespace lockstep::data

#pragma once

#include <string>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// Usage Error naming the channel, the path, its nearest existing parent and what is called similarly there, unless the
/// path exists.
void require_exists(const Path& path, const std::string& channel);

/// "data/trian.rec does not exist; data holds train.rec, train.idx".
std::string describe_missing(const Path& path);

}  // namespace lockstep::data

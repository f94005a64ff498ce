#pragma once

#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// The files that a path of a channel stands for:
///   a path that exists: itself;
///   `*` and `?` in its last name: the files that match, sorted by their bytes, of which the .rec where there are some;
///   PREFIX or PREFIX.rec of shards: PREFIX-00000-of-0000N.rec and so on, in order.
/// Other paths are given back as they are. Data Error naming the shards that are missing between those that there are,
/// also where the path is a folder of shards; unless `may_lack_shards`, as where each host has its own.
std::vector<std::string> files_of_path(const Path& path, bool may_lack_shards);

}  // namespace lockstep::data

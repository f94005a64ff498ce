#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::model {

/// File name -> content.
using Files = std::map<std::string, std::vector<std::byte>>;

/// Reads a tar archive, gzip or plain, from anybody: nothing is unpacked to the disk. Returns the files at its top ("x"
/// or "./x") that `is_wanted` names; folders and what they hold are passed over. Data Error for names that lead out of
/// the archive, links, devices, damage, and more content than a model can have.
Files read_archive(const Path& path, const std::function<bool(const std::string& name)>& is_wanted);

/// Writes these files of `folder` flat into a gzip tar, complete or not at all; the same files give the same bytes.
void write_archive(const Path& path, const Path& folder, const std::vector<std::string>& names);

}  // namespace lockstep::model

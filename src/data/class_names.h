#pragma once

#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// Reads a .classes file: one name a line, line number = label. Data Error with path and line for an empty line or a
/// name given twice.
std::vector<std::string> read_class_names(const Path& path);

/// "person, traffic light" -> the names in it.
std::vector<std::string> listed_names(std::string_view text);

/// The place of a class in `names`; data Error with `where` and the nearest name.
size_t find_class(const std::vector<std::string>& names, const std::string& name, const std::string& where);

/// PREFIX of PREFIX-00002-of-00004.rec; other names just lose their extension.
std::string shard_prefix(const Path& path);

/// The names that belong to a .rec or .lst: PREFIX.classes beside it, PREFIX being its name without extension, then
/// also without -NNNNN-of-NNNNN, then also without _train, _val or _test. Empty where there is no such file.
std::vector<std::string> class_names_beside(const Path& path);

}  // namespace lockstep::data

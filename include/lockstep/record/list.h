#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::record {

/// One line of a .lst file.
struct ListEntry {
  uint64_t index = 0;
  std::vector<float> labels;
  std::string path;
};

/// Reads a .lst. A line with fewer than three fields, an index that is no number or a label that is no number is a
/// mistake; the first ten are listed in one data Error with file:line, the text and the expected form. Blank lines are
/// skipped. SEED000's form `index TAB 0,2,5 TAB path` (class ids in one column) is kept as those labels with
/// `class_ids` set.
struct List {
  std::vector<ListEntry> entries;
  bool class_ids = false;
};
List read_list(const Path& path);

/// Writes a .lst as im2rec does: "%d", "%f" and the path, TAB separated.
void write_list(const Path& path, const std::vector<ListEntry>& entries);

}  // namespace lockstep::record

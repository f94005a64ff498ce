#pragma once

#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::data {

struct CsvRow {
  size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

/// Comma-separated values after RFC 4180: fields in quotes may hold commas, line ends and doubled quotes. Blank lines
/// are left out. Data Error naming the line of a quote that is never closed, and of a row whose number of fields is not
/// the first row's.
std::vector<CsvRow> read_csv(const Path& path);

}  // namespace lockstep::data

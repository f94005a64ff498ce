#pragma once

#include <memory>
#include <span>

#include "lockstep/core/table.h"
#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// What a row of datasets.def makes. Both are called with paths that exist.
struct Format {
  bool (*recognises)(const DatasetOptions& options);
  std::unique_ptr<Dataset> (*open)(const DatasetOptions& options);
};

#define DATASET(name, recogniser, maker, help)    \
  bool recogniser(const DatasetOptions& options); \
  std::unique_ptr<Dataset> maker(const DatasetOptions& options);
#include "lockstep/data/datasets.def"
#undef DATASET

/// The rows of datasets.def.
std::span<const Entry<Format>> formats();

}  // namespace lockstep::data

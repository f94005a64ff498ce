#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// What COCO's instances JSON says of pictures and categories; boxes, polygons and the rest are passed over.
struct Coco {
  struct Picture {
    int64_t id;
    std::string file;
  };
  struct Category {
    int64_t id;
    std::string name;
  };
  struct Annotation {
    int64_t picture, category;
    size_t number;  ///< in `annotations`
  };
  std::vector<Picture> pictures;
  std::vector<Category> categories;
  std::vector<Annotation> annotations;
};

/// Reads the file in one pass, whatever the order of its parts; memory grows with pictures and annotations alone. Data
/// Error with the offset of what is no JSON or too deep, or with the place in a list of what lacks a key, has a wrong
/// type, or is there twice.
Coco read_coco(const Path& file);

}  // namespace lockstep::data

#pragma once

#include <string>
#include <vector>

#include "lockstep/data/pack.h"

namespace lockstep::data {

/// The pictures below a folder, in im2rec's order: depth first, in each folder its files before its folders, both by
/// the bytes of their names. Links are followed.
struct Walk {
  struct Picture {
    size_t folder;     ///< in `folders`
    std::string path;  ///< relative to the folder that was walked
  };
  std::vector<std::string> folders;  ///< the classes, in the order in which their first picture was met
  std::vector<Picture> pictures;
  std::vector<std::string> foreign;  ///< files without a picture's extension, and pictures that belong to no class
};

/// Which folder is a class: see PackOptions. Hidden files and folders are left out, except where im2rec's rule is asked
/// for. Errors name the folder that may not be read and the link that leads to a folder around it.
Walk walk_classes(const Path& root, const PackOptions& options);

}  // namespace lockstep::data

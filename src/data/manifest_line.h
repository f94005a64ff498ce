#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep::data {

/// The names of the attributes of a manifest that hold the picture and the label.
struct ManifestAttributes {
  std::string picture, label;
};

/// What one line of a manifest says.
struct ManifestLine {
  std::string picture;                                        ///< a path, file:// or s3://
  std::vector<float> labels;                                  ///< as they are written
  bool is_list = false;                                       ///< written as a list, which is multi-label data
  bool has_class_map = false;                                 ///< the metadata name class ids
  std::vector<std::pair<uint32_t, std::string>> class_names;  ///< that the metadata tell
};

/// Finds the attributes by a line: the picture is what ends in `-ref`, the label what has metadata, of several the one
/// that Ground Truth made for image classification; without metadata the only other attribute. `named`: what the user
/// says of either, or empty. Data Error without the place: not JSON, no object, not found, several.
ManifestAttributes find_attributes(std::string_view line, const ManifestAttributes& named);

/// Reads a line. A label is a number, a list of numbers, or a text that holds either ("1", "[0, 2]"). Data Error
/// without the place.
ManifestLine read_manifest_line(std::string_view line, const ManifestAttributes& attributes);

}  // namespace lockstep::data

#include "content_type.h"

#include <algorithm>
#include <array>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

struct ContentType {
  const char* name;
  const char* formats;  ///< rows of datasets.def, separated by blanks
};
// SageMaker calls a manifest application/x-recordio or application/x-image, by what it makes of it on the way.
constexpr const char* kPictures = "list manifest csv coco folder";
constexpr std::array kContentTypes = {ContentType{"application/x-recordio", "records manifest"},
                                      ContentType{"application/x-image", kPictures},
                                      ContentType{"image/jpeg", kPictures},
                                      ContentType{"image/png", kPictures},
                                      ContentType{"application/jsonlines", "manifest"},
                                      ContentType{"application/json", "coco manifest"},
                                      ContentType{"text/csv", "csv"}};

/// Without its parameters.
std::string media_type(const std::string& content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::vector<std::string> known_types() {
  std::vector<std::string> known;
  for (const auto& type : kContentTypes) known.emplace_back(type.name);
  return known;
}

}  // namespace

std::string content_parameter(const std::string& content_type, std::string_view name) {
  const auto parts = split(content_type, ';');
  for (size_t i = 1; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    if (equals == std::string::npos || lower(trim(parts[i].substr(0, equals))) != name) continue;
    return std::string(trim(parts[i].substr(equals + 1)));
  }
  return "";
}

void check_content_type(const DatasetOptions& options, std::string_view format) {
  require(format == "manifest" || (options.channel.attribute_names.empty() && options.list.attribute_names.empty()),
          ErrorKind::kUsage, "channels.", options.role, ".attribute_names is of manifests, but ",
          join(options.channel.paths, ", "), " was recognised as ", format);
  if (options.channel.content_type.empty()) return;
  const std::string where = cat("channels.", options.role), type = media_type(options.channel.content_type);
  const auto row = std::ranges::find(kContentTypes, type, &ContentType::name);
  require(row != kContentTypes.end(), ErrorKind::kUsage, where, ".content_type: \"", type,
          "\" is none of those that are understood: ", join(known_types(), ", "));
  const auto formats = split(row->formats, ' ');
  require(std::ranges::find(formats, format) != formats.end(), ErrorKind::kUsage, where, ".content_type says ", type,
          ", but ", join(options.channel.paths, ", "), " was recognised as ", format, "; leave content_type out, or ",
          "name the data that are meant");
}

}  // namespace lockstep::data

#pragma once

#include <string>
#include <vector>

namespace lockstep {

/// One value that somebody gave, not yet understood.
struct Setting {
  std::string key;                 ///< full: "run.seed", "channels.train"
  std::string part;                ///< of a channel: "path", "content_type", ...; empty for other keys
  std::vector<std::string> items;  ///< one text, or those of a list; nothing is the empty text
  std::string origin;              ///< "first.yaml:12", "command line"
};

/// What a file or the command line says, as settings of known keys, and what is wrong with the rest.
struct Source {
  std::vector<Setting> settings;
  std::vector<std::string> mistakes, warnings;
  bool sagemaker_json = false;
};

/// Reads YAML with the three sections, or SageMaker's JSON, told by content. `name` is how messages call the text.
/// Never throws an Error: text that is not even YAML is a mistake too.
Source read_source(const std::string& text, const std::string& name);

/// Adds `key=value` of the command line.
void add_override(Source& source, const std::string& text);

/// Reads a configuration file whole; usage Error when it is absent or larger than 1 MiB.
std::string read_limited(const std::string& file);

}  // namespace lockstep

#include "source.h"

#include <algorithm>
#include <array>
#include <map>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "keys.h"
#include "lockstep/config/load.h"
#include "lockstep/core/error.h"
#include "lockstep/core/file.h"
#include "lockstep/core/text.h"

namespace lockstep {

namespace {

constexpr size_t kLargestFile = 1 << 20;  // bytes
const std::array<std::string, 3> kSections = {"channels", "hyperparameters", "run"};

// SageMaker's JSON is flat; JSON with one of our sections is YAML in another dress.
bool is_sagemaker_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && !json.empty() &&
         std::none_of(kSections.begin(), kSections.end(), [&](const auto& name) { return json.contains(name); });
}

// Names that SageMaker or its tuner put among the hyperparameters and that no algorithm reads.
bool is_sagemakers_own(const std::string& name) {
  return name == "_tuning_objective_metric" || name == "model_prefix" || name.starts_with("sagemaker_");
}

std::string explain_section(const std::string& name) {
  if (!find_key(name).empty()) return explain_unknown_key("", name);
  const std::string close = nearest(name, kSections);
  return close.empty() ? "no such section; there are channels, hyperparameters and run"
                       : cat("no such section; did you mean ", close, "?");
}

// JSON is YAML too, so one walker reads both and knows the line of every key.
class Walker {
 public:
  Walker(std::string name, Source& source) : name_(std::move(name)), source_(source) {}

  void read(const std::string& text) {
    try {
      const auto documents = YAML::LoadAll(text);
      if (documents.size() > 1) return mistake(cat(name_, ": holds ", documents.size(), " documents; one is read"));
      if (is_sagemaker_json(text)) return read_json(documents.front());
      if (!documents.empty() && !documents.front().IsNull()) read_yaml(documents.front());
    } catch (const YAML::Exception& error) {
      mistake(cat(name_, ':', error.mark.line + 1, ": not valid YAML: ", error.msg));
    }
  }

 private:
  void mistake(const std::string& line) { source_.mistakes.push_back(line); }

  void read_yaml(const YAML::Node& root) {
    each(root, "", [&](const std::string& section, const YAML::Node& node, const std::string& origin) {
      if (std::find(kSections.begin(), kSections.end(), section) == kSections.end())
        return mistake(cat(origin, ": ", section, ": ", explain_section(section)));
      if (section == "hyperparameters" && node.IsScalar()) return read_json_file(node.Scalar(), origin);
      if (!node.IsNull()) read_section(section, node);
    });
  }

  void read_json(const YAML::Node& root) {
    source_.sagemaker_json = is_tolerant_ = true;
    read_section("hyperparameters", root);
  }

  void read_json_file(const std::string& file, const std::string& origin) {
    try {
      const std::string text = read_limited(file);
      if (is_sagemaker_json(text)) return Walker(file, source_).read(text);
      mistake(cat(origin, ": hyperparameters: ", file, " is not SageMaker's JSON, one object of names and values"));
    } catch (const Error& error) {
      mistake(cat(origin, ": hyperparameters: ", error.what()));
    }
  }

  /// Calls visit(name, value, "file:line") for each pair of a mapping; complains about names given twice. `prefix` is
  /// what stands before the names in messages.
  template <class Visit>
  void each(const YAML::Node& node, const std::string& prefix, Visit&& visit) {
    const auto origin_of = [&](const YAML::Node& at) { return cat(name_, ':', at.Mark().line + 1); };
    const std::string what = prefix.empty() ? "" : cat(prefix.substr(0, prefix.size() - 1), ": ");
    if (!node.IsMap()) return mistake(cat(origin_of(node), ": ", what, "\"name: value\" is expected below it"));
    std::map<std::string, std::string> seen;
    for (const auto& pair : node) {
      const std::string origin = origin_of(pair.first), name = pair.first.IsScalar() ? pair.first.Scalar() : "";
      const auto [first, is_new] = seen.emplace(name, origin);
      if (name.empty())
        mistake(cat(origin, ": ", what, "a key without a name"));
      else if (is_new)
        visit(name, pair.second, origin);
      else
        mistake(cat(origin, ": ", prefix, name, ": given twice, first in ", first->second));
    }
  }

  void read_section(const std::string& section, const YAML::Node& node) {
    each(node, section + '.', [&](const std::string& name, const YAML::Node& value, const std::string& origin) {
      const std::string full = section + '.' + name;
      if (!is_key(full)) return explain(section, name, origin);
      if (section != "channels") return add(full, "", value, origin);
      if (!value.IsMap()) return add(full, "path", value, origin);
      each(value, full + '.', [&](const std::string& part, const YAML::Node& inner, const std::string& line) {
        add(full, part, inner, line);
      });
    });
  }

  void explain(const std::string& section, const std::string& name, const std::string& origin) {
    const std::string complaint = cat(origin, ": ", section, '.', name, ": ", explain_unknown_key(section, name));
    if (!is_tolerant_) return mistake(complaint);
    if (!is_sagemakers_own(name)) source_.warnings.push_back(complaint + " (ignored)");
  }

  void add(const std::string& key, const std::string& part, const YAML::Node& value, const std::string& origin) {
    const auto is_plain = [](const YAML::Node& node) { return node.IsScalar() || node.IsNull(); };
    const auto text = [](const YAML::Node& node) { return node.IsNull() ? std::string() : node.Scalar(); };
    Setting setting{key, part, {}, origin};
    if (is_plain(value)) {
      setting.items.push_back(text(value));
    } else if (value.IsSequence() && std::all_of(value.begin(), value.end(), is_plain)) {
      for (const auto& item : value) setting.items.push_back(text(item));
    } else {
      return mistake(cat(origin, ": ", key, ": one value is expected, or a list of values"));
    }
    source_.settings.push_back(std::move(setting));
  }

  std::string name_;
  Source& source_;
  bool is_tolerant_ = false;
};

}  // namespace

Source read_source(const std::string& text, const std::string& name) {
  Source source;
  Walker(name, source).read(text);
  return source;
}

void add_override(Source& source, const std::string& text) {
  const std::string origin = "command line";
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return source.mistakes.push_back(cat(origin, ": ", text, ": key=value is expected"));
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1);

  // channels.train.content_type: the last of three names is a part of the channel.
  const size_t last_dot = name.rfind('.');
  const bool has_part = std::count(name.begin(), name.end(), '.') == 2 && name.starts_with("channels.");
  const std::string key = find_key(has_part ? name.substr(0, last_dot) : name);
  if (key.empty()) {
    const size_t dot = name.find('.');
    const std::string section = dot == std::string::npos ? "" : name.substr(0, dot);
    return source.mistakes.push_back(cat(origin, ": ", name, ": ", explain_unknown_key(section, name.substr(dot + 1))));
  }
  if (!key.starts_with("channels."))
    source.settings.push_back({key, "", {value}, origin});
  else if (has_part)
    source.settings.push_back({key, name.substr(last_dot + 1), {value}, origin});
  else
    source.settings.push_back({key, "path", split(value, ';'), origin});
}

std::string read_limited(const std::string& file) {
  require(std::filesystem::exists(file), ErrorKind::kUsage, "there is no file ", file);
  require(!std::filesystem::is_directory(file), ErrorKind::kUsage, file,
          " is a folder; a configuration file is expected");
  std::error_code not_regular;
  const auto size = std::filesystem::file_size(file, not_regular);
  require(not_regular || size <= kLargestFile, ErrorKind::kUsage, file, " is larger than 1 MiB: no configuration");
  return read_text(file);
}

}  // namespace lockstep

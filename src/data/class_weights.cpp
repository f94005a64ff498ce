#include "lockstep/data/class_weights.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/file.h"
#include "lockstep/core/text.h"

namespace lockstep::data {
namespace {

std::vector<double> balanced(const DatasetFacts& facts) {
  const auto& counts = facts.class_counts;
  const auto occur = static_cast<double>(std::ranges::count_if(counts, [](int64_t count) { return count > 0; }));
  const auto samples = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  std::vector<double> weights(static_cast<size_t>(facts.classes), 1);
  for (size_t c = 0; c < counts.size(); ++c)
    if (counts[c] > 0) weights[c] = samples / (occur * static_cast<double>(counts[c]));
  return weights;
}

/// The label that a name, or a number, stands for.
std::optional<size_t> find_label(std::string_view word, const DatasetFacts& facts) {
  const auto& names = facts.class_names;
  if (const auto named = std::ranges::find(names, word); named != names.end())
    return static_cast<size_t>(named - names.begin());
  const auto number = parse_integer(word);
  if (!number || *number < 0 || *number >= facts.classes) return std::nullopt;
  return static_cast<size_t>(*number);
}

std::string text_of_class(size_t label, const DatasetFacts& facts) {
  return label < facts.class_names.size() ? facts.class_names[label] : std::to_string(label);
}

std::vector<double> read_weights(const Path& path, const DatasetFacts& facts) {
  std::vector<double> weights(static_cast<size_t>(facts.classes), -1);
  const std::string text = read_text(path);
  size_t number = 0;
  for (const std::string& whole : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    const std::string where = cat("run.class_weights: ", path.string(), ":", number, ": ");
    const size_t gap = line.find_last_of(" \t");
    require(gap != line.npos, ErrorKind::kUsage, where, "\"", line, "\" is not `class weight`");
    const std::string_view name = trim(line.substr(0, gap));
    const auto weight = parse_number(line.substr(gap + 1));
    require(weight && std::isfinite(*weight) && *weight >= 0, ErrorKind::kUsage, where, "\"", line.substr(gap + 1),
            "\" is no weight; expected is a number that is not negative");
    const auto label = find_label(name, facts);
    const std::string close = nearest(name, facts.class_names);
    require(label.has_value(), ErrorKind::kUsage, where, "\"", name,
            "\" is neither the name nor the label of one of the ", facts.classes, " classes",
            close.empty() ? "" : cat("; did you mean ", close, "?"));
    require(weights[*label] < 0, ErrorKind::kUsage, where, "the class ", name, " has a weight already");
    weights[*label] = *weight;
  }
  const auto without = std::ranges::find_if(weights, [](double weight) { return weight < 0; });
  require(without == weights.end(), ErrorKind::kUsage, "run.class_weights: ", path.string(),
          " has no weight for class ", text_of_class(static_cast<size_t>(without - weights.begin()), facts));
  require(std::ranges::any_of(weights, [](double weight) { return weight > 0; }), ErrorKind::kUsage,
          "run.class_weights: ", path.string(), " gives every class the weight 0: nothing would be learned");
  return weights;
}

}  // namespace

std::vector<double> class_weights(const std::string& choice, const DatasetFacts& facts) {
  if (choice == "none" || choice.empty()) return {};
  return choice == "auto" ? balanced(facts) : read_weights(choice, facts);
}

}  // namespace lockstep::data

#include "builder.h"

#include <utility>

#include "lockstep/core/text.h"
#include "operator.h"

namespace lockstep::model {
namespace {

// MXNet's Module initialises the statistics by this attribute, not by their names.
const char* first_value(const std::string& suffix) {
  return suffix.ends_with("_var") ? R"(["one", {}])" : R"(["zero", {}])";
}

}  // namespace

std::string pair(int64_t value) { return cat("(", value, ", ", value, ")"); }

GraphBuilder::GraphBuilder() { graph_.nodes.push_back({"null", "data", {}, {}}); }

int GraphBuilder::add(const std::string& op, const std::string& name, const Attributes& attributes,
                      const std::vector<int>& inputs) {
  Node node{op, name, attributes, {}};
  for (const int input : inputs) node.inputs.push_back({input});
  const Operator& row = operator_of(node);
  const std::vector<std::string> suffixes = row.parameters(node);
  for (size_t i = 0; i < suffixes.size(); ++i) {
    const bool auxiliary = i + row.auxiliary >= suffixes.size();
    Node variable{"null", name + "_" + suffixes[i], attributes, {}};
    if (auxiliary) variable.attributes["__init__"] = first_value(suffixes[i]);
    node.inputs.push_back({static_cast<int>(graph_.nodes.size()), 0, auxiliary ? 1 : 0});
    graph_.nodes.push_back(std::move(variable));
  }
  graph_.nodes.push_back(std::move(node));
  return static_cast<int>(graph_.nodes.size()) - 1;
}

Graph GraphBuilder::finish(int head) {
  graph_.heads = {{head}};
  return std::exchange(graph_, {});
}

}  // namespace lockstep::model

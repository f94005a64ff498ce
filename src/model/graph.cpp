#include "lockstep/model/graph.h"

#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::model {
namespace {

const std::string* find_attribute(const Node& node, const std::string& name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : &found->second;
}

[[noreturn]] void refuse(const Node& node, const std::string& name, const std::string& text, const char* wanted) {
  fail(ErrorKind::kData, "node ", node.name, " (", node.op, "): attribute ", name, " is \"", text, "\", not ", wanted);
}

/// "(3, 3)", "[3,3]", "(5,)", "3" and Python 2's "(3L, 3L)".
std::optional<std::vector<int64_t>> parse_tuple(std::string_view text) {
  text = trim(text);
  const bool round = text.starts_with('(') && text.ends_with(')');
  const bool square = text.starts_with('[') && text.ends_with(']');
  if (round || square) text = trim(text.substr(1, text.size() - 2));
  if (text.ends_with(',')) text.remove_suffix(1);
  std::vector<int64_t> values;
  if (text.empty()) return values;
  for (const std::string& field : split(text, ',')) {
    std::string_view digits = trim(field);
    if (digits.ends_with('L')) digits.remove_suffix(1);
    const auto value = parse_integer(digits);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

}  // namespace

std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

int64_t count(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t dimension : shape)
    require(dimension >= 0 && !__builtin_mul_overflow(product, dimension, &product), ErrorKind::kData,
            "no array can have the shape ", shape_text(shape));
  return product;
}

int Graph::find(const std::string& name) const {
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].name == name) return static_cast<int>(i);
  return -1;
}

int64_t int_attribute(const Node& node, const std::string& name, int64_t fallback) {
  const std::string* text = find_attribute(node, name);
  if (!text) return fallback;
  const auto value = parse_integer(trim(*text));
  if (!value) refuse(node, name, *text, "an integer");
  return *value;
}

double number_attribute(const Node& node, const std::string& name, double fallback) {
  const std::string* text = find_attribute(node, name);
  if (!text) return fallback;
  const auto value = parse_number(trim(*text));
  if (!value) refuse(node, name, *text, "a number");
  return *value;
}

bool bool_attribute(const Node& node, const std::string& name, bool fallback) {
  const std::string* text = find_attribute(node, name);
  if (!text) return fallback;
  if (*text == "True" || *text == "true" || *text == "1") return true;
  if (*text == "False" || *text == "false" || *text == "0") return false;
  refuse(node, name, *text, "True or False");
}

std::string text_attribute(const Node& node, const std::string& name, const std::string& fallback) {
  const std::string* text = find_attribute(node, name);
  return text ? *text : fallback;
}

std::vector<int64_t> tuple_attribute(const Node& node, const std::string& name, const std::vector<int64_t>& fallback) {
  const std::string* text = find_attribute(node, name);
  if (!text) return fallback;
  const auto values = parse_tuple(*text);
  if (!values) refuse(node, name, *text, "a tuple of integers");
  return *values;
}

Output find_output(const Graph& graph) {
  require(graph.heads.size() == 1, ErrorKind::kData, "the graph has ", graph.heads.size(),
          " outputs; a classifier has one");
  const Node& head = graph.nodes[graph.heads[0].node];
  Output output;
  output.multi_label = head.op == "LogisticRegressionOutput" || head.op == "sigmoid" ||
                       (head.op == "Activation" && text_attribute(head, "act_type", "") == "sigmoid");
  if (head.op == "FullyConnected") {
    output.logits = graph.heads[0].node;
  } else {
    require((head.op == "SoftmaxOutput" || output.multi_label) && !head.inputs.empty(), ErrorKind::kData,
            "the graph ends in ", head.op, " \"", head.name,
            "\"; a classifier ends in SoftmaxOutput or LogisticRegressionOutput, so this is another kind of model");
    output.logits = head.inputs[0].node;
  }
  const Node& logits = graph.nodes[output.logits];
  require(logits.op == "FullyConnected", ErrorKind::kData, head.op, " \"", head.name, "\" reads ", logits.op, " \"",
          logits.name, "\"; a classifier has a FullyConnected layer there");
  output.classes = static_cast<int>(int_attribute(logits, "num_hidden", 0));
  require(output.classes > 0, ErrorKind::kData, "FullyConnected \"", logits.name, "\" has num_hidden ", output.classes);
  return output;
}

}  // namespace lockstep::model

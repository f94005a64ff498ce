#include "lockstep/model/graph.h"

#include <algorithm>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::model {
namespace {

const std::string* find_attribute(const Node& node, const std::string& name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : &found->second;
}

constexpr size_t kMostShown = 100;  // characters of a text that may be a file of its own

[[noreturn]] void refuse(const Node& node, const std::string& name, const std::string& text, const char* wanted) {
  fail(ErrorKind::kData, "node ", node.name, " (", node.op, "): attribute ", name, " is \"", text.substr(0, kMostShown),
       text.size() > kMostShown ? "..." : "", "\", not ", wanted);
}

constexpr size_t kLongestTuple = 1024;  // characters

/// "(3, 3)", "[3,3]", "(5,)", "3" and Python 2's "(3L, 3L)".
std::optional<std::vector<int64_t>> parse_tuple(std::string_view text) {
  if (text.size() > kLongestTuple) return std::nullopt;
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

std::string heads_text(const Graph& graph) {
  std::string text;
  for (size_t i = 0; i < graph.heads.size() && i < 4; ++i) {
    const Node& head = graph.nodes[static_cast<size_t>(graph.heads[i].node)];
    text += cat(i ? ", " : "", head.op, " \"", head.name, "\"");
  }
  return text + (graph.heads.size() > 4 ? ", ..." : "");
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

namespace {

bool is_one_of(const std::string& op, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), op) != all.end();
}

/// Down from `node` to the first one that is none of these operators.
int behind(const Graph& graph, int node, std::initializer_list<std::string_view> passed_over) {
  for (;;) {
    const Node& here = graph.nodes[static_cast<size_t>(node)];
    if (!is_one_of(here.op, passed_over) || here.inputs.empty()) return node;
    node = here.inputs[0].node;
  }
}

/// Down to the node that computes: a file of 16 bits casts between the last layer and the probabilities.
int behind_casts(const Graph& graph, int node) {
  return behind(graph, node, {"Cast", "cast", "amp_cast", "_copy", "identity"});
}

/// The layer that makes these logits, or -1: of a FullyConnected itself, of a picture made flat a convolution.
int find_layer(const Graph& graph, int logits) {
  const Node& node = graph.nodes[static_cast<size_t>(logits)];
  if (node.op == "FullyConnected") return logits;
  if (!is_one_of(node.op, {"Flatten", "flatten", "Reshape", "reshape", "mean"})) return -1;
  const int layer = behind(graph, logits,
                           {"Flatten", "flatten", "Reshape", "reshape", "mean", "Pooling", "Activation", "relu",
                            "_contrib_AdaptiveAvgPooling2D", "Cast", "cast", "amp_cast", "_copy", "identity"});
  return graph.nodes[static_cast<size_t>(layer)].op == "Convolution" ? layer : -1;
}

}  // namespace

Output find_output(const Graph& graph) {
  require(graph.heads.size() == 1, ErrorKind::kData, "the graph has ", graph.heads.size(), " outputs (",
          heads_text(graph), "); a classifier has one, so this is another kind of model");
  const int end = behind_casts(graph, graph.heads[0].node);
  const Node& head = graph.nodes[static_cast<size_t>(end)];
  Output output;
  output.logits = end;
  output.multi_label = is_one_of(head.op, {"LogisticRegressionOutput", "sigmoid"}) ||
                       (head.op == "Activation" && text_attribute(head, "act_type", "") == "sigmoid");
  if (find_layer(graph, end) < 0) {
    const bool is_single = is_one_of(head.op, {"SoftmaxOutput", "Softmax", "softmax", "SoftmaxActivation"});
    require((is_single || output.multi_label) && !head.inputs.empty(), ErrorKind::kData, "the graph ends in ", head.op,
            " \"", head.name,
            "\"; a classifier ends in SoftmaxOutput or LogisticRegressionOutput, so this is another kind of model");
    output.logits = behind_casts(graph, head.inputs[0].node);
  }
  output.layer = find_layer(graph, output.logits);
  const Node& logits = graph.nodes[static_cast<size_t>(output.logits)];
  require(output.layer >= 0, ErrorKind::kData, head.op, " \"", head.name, "\" reads ", logits.op, " \"", logits.name,
          "\"; a classifier has a FullyConnected layer there, or a Convolution made flat");
  const Node& layer = graph.nodes[static_cast<size_t>(output.layer)];
  const char* const size = layer.op == "FullyConnected" ? "num_hidden" : "num_filter";
  output.classes = static_cast<int>(int_attribute(layer, size, 0));
  require(output.classes > 0, ErrorKind::kData, layer.op, " \"", layer.name, "\" has ", size, " ", output.classes);
  return output;
}

}  // namespace lockstep::model

#include <algorithm>

#include <nlohmann/json.hpp>

#include "json_text.h"
#include "lockstep/core/error.h"
#include "lockstep/model/mxnet.h"
#include "operator.h"

// {"nodes": [{"op", "name", "attrs" {text: text}, "inputs" [[node, output, version], ...]}, ...],
//  "arg_nodes": [variables], "node_row_ptr": [first output of each node, ..., their number],
//  "heads": [[node, output, version]], "attrs": {"mxnet_version": ["int", 10300]}}
// The attributes are called "attr" before 1.0, and "param" before 0.9, when "attr" held a user's own. Those files have
// no version.
namespace lockstep::model {
namespace {

using nlohmann::json;

constexpr int kVersionWithout = 800;
// A ResNet-269 has 2,300 nodes in 0.6 MB.
constexpr size_t kLargestText = size_t{64} << 20, kMostNodes = 100'000;

Node::Input read_input(const json& entry, size_t nodes, const std::string& where) {
  const Node::Input input{entry.at(0).get<int>(), entry.at(1).get<int>(),
                          entry.size() > 2 ? entry.at(2).get<int>() : 0};
  require(input.node >= 0 && static_cast<size_t>(input.node) < nodes && input.output >= 0, ErrorKind::kData, where,
          " reads output ", input.output, " of node number ", input.node, ", which does not stand before it");
  return input;
}

Node read_node(const json& entry, size_t before, const std::string& where) {
  Node node{entry.at("op").get<std::string>(), entry.at("name").get<std::string>(), {}, {}};
  for (const char* form : {"param", "attr", "attrs"})
    if (entry.contains(form))
      for (const auto& [key, value] : entry.at(form).items()) node.attributes[key] = value.get<std::string>();
  const std::string name = where + ": node " + node.name + " (" + node.op + ")";
  for (const json& input : entry.at("inputs")) node.inputs.push_back(read_input(input, before, name));
  return node;
}

int read_version(const json& root) {
  if (!root.contains("attrs") || !root.at("attrs").contains("mxnet_version")) return kVersionWithout;
  return root.at("attrs").at("mxnet_version").at(1).get<int>();
}

bool lacks_statistics(const Node& node) { return node.op == "BatchNorm" && node.inputs.size() == 3; }

/// Files before 0.9 do not list the moving statistics, which every reader appends behind gamma and beta.
Graph append_statistics(Graph graph) {
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), lacks_statistics)) return graph;
  Graph complete{{}, graph.heads, graph.version};
  std::vector<int> moved;  // old index -> new index
  for (Node& node : graph.nodes) {
    for (Node::Input& input : node.inputs) input.node = moved[input.node];
    if (lacks_statistics(node))
      for (const char* suffix : {"_moving_mean", "_moving_var"}) {
        node.inputs.push_back({static_cast<int>(complete.nodes.size()), 0, 1});
        complete.nodes.push_back({"null", node.name + suffix, {}, {}});
      }
    moved.push_back(static_cast<int>(complete.nodes.size()));
    complete.nodes.push_back(std::move(node));
  }
  for (Node::Input& head : complete.heads) head.node = moved[head.node];
  return complete;
}

/// A JSON string with the escapes that MXNet's reader knows.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      default:
        out += c;
    }
  return out + "\"";
}

/// MXNet's layout: one line, or one entry a line indented by two spaces a level, a comma followed by a space either
/// way.
std::string list_text(const std::vector<std::string>& entries, const char* brackets, bool multi_line, int level) {
  const std::string gap = multi_line ? "\n" + std::string(2 * (level + 1), ' ') : "";
  std::string text(1, brackets[0]);
  for (size_t i = 0; i < entries.size(); ++i) text += (i ? ", " : "") + gap + entries[i];
  if (multi_line) text += "\n" + std::string(2 * level, ' ');
  return text + brackets[1];
}

std::string array_text(const std::vector<std::string>& entries, int level) {
  return list_text(entries, "[]", entries.size() > 10, level);
}

std::string inputs_text(const std::vector<Node::Input>& inputs, int level) {
  std::vector<std::string> entries;
  for (const Node::Input& input : inputs)
    entries.push_back(cat("[", input.node, ", ", input.output, ", ", input.version, "]"));
  return array_text(entries, level);
}

std::string node_text(const Node& node) {
  std::vector<std::string> fields = {"\"op\": " + quoted(node.op), "\"name\": " + quoted(node.name)};
  std::vector<std::string> attributes;
  for (const auto& [key, value] : node.attributes) attributes.push_back(quoted(key) + ": " + quoted(value));
  if (!attributes.empty()) fields.push_back("\"attrs\": " + list_text(attributes, "{}", attributes.size() > 1, 3));
  fields.push_back("\"inputs\": " + inputs_text(node.inputs, 3));
  return list_text(fields, "{}", true, 2);
}

}  // namespace

Graph parse_symbol(const std::string& text, const std::string& where) {
  require(text.size() <= kLargestText, ErrorKind::kData, where, ": a symbol file of ", text.size(), " bytes; at most ",
          kLargestText, " are read");
  verify_json(text, where);
  Graph graph;
  try {
    const json root = json::parse(text);
    graph.version = read_version(root);
    require(root.at("nodes").size() <= kMostNodes, ErrorKind::kData, where, ": ", root.at("nodes").size(),
            " nodes; at most ", kMostNodes, " are read");
    for (const json& entry : root.at("nodes")) graph.nodes.push_back(read_node(entry, graph.nodes.size(), where));
    for (const json& head : root.at("heads"))
      graph.heads.push_back(read_input(head, graph.nodes.size(), where + ": the head"));
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, where, ": this is no MXNet symbol file: ",
         graph.nodes.empty() ? "" : cat("behind node \"", graph.nodes.back().name, "\": "), error.what());
  }
  require(!graph.heads.empty(), ErrorKind::kData, where, ": the graph has no output");
  return append_statistics(std::move(graph));
}

Graph read_symbol(const Path& path) { return parse_symbol(read_text(path), path.string()); }

std::string symbol_text(const Graph& graph) {
  std::vector<std::string> nodes, variables, rows = {"0"};
  int outputs = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const bool is_variable = node.op == "null";
    nodes.push_back(node_text(node));
    if (is_variable) variables.push_back(std::to_string(i));
    outputs += is_variable ? 1 : operator_of(node).outputs(node);
    rows.push_back(std::to_string(outputs));
  }
  return list_text({"\"nodes\": " + list_text(nodes, "[]", true, 1), "\"arg_nodes\": " + array_text(variables, 1),
                    "\"node_row_ptr\": " + array_text(rows, 1), "\"heads\": " + inputs_text(graph.heads, 1),
                    "\"attrs\": {\"mxnet_version\": [\"int\", 10300]}"},
                   "{}", true, 0);
}

}  // namespace lockstep::model

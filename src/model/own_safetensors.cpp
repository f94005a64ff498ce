#include "own_safetensors.h"

#include <algorithm>
#include <map>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/mxnet.h"
#include "safetensors.h"
#include "torch_file.h"
#include "torch_tensors.h"

namespace lockstep::model {
namespace {

constexpr const char* kSymbol = "symbol.json";
constexpr const char* kEpoch = "epoch";
constexpr const char* kBatch = "batch";

/// The file sorts by size of the elements; MXNet lists the arrays in the order of the graph's variables.
void sort_as_in_graph(Arrays& arrays, const Graph& graph) {
  std::map<std::string, size_t> position;
  for (size_t i = 0; i < graph.nodes.size(); ++i) position.try_emplace(graph.nodes[i].name, i);
  const auto key = [&](const Array& array) {
    const auto found = array.name.size() > 4 ? position.find(array.name.substr(4)) : position.end();
    return std::pair(array.name.starts_with("aux:"), found == position.end() ? graph.nodes.size() : found->second);
  };
  std::stable_sort(arrays.begin(), arrays.end(), [&](const Array& a, const Array& b) { return key(a) < key(b); });
}

int64_t number_of(const std::map<std::string, std::string>& metadata, const char* key, int64_t fallback) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? fallback : parse_integer(found->second).value_or(fallback);
}

}  // namespace

void write_own_safetensors(const Path& path, const Artefact& artefact) {
  write_safetensors(path, artefact.arrays,
                    {{kSymbol, symbol_text(artefact.graph)},
                     {kCardKey, card_text(artefact.card)},
                     {kEpoch, cat(artefact.epoch)},
                     {kBatch, cat(artefact.batch)}});
}

std::optional<Artefact> read_own_safetensors(const Path& path) {
  const MappedFile file(path);
  if (is_torch(file.bytes())) return std::nullopt;  // by its name alone
  Safetensors content = parse_safetensors(file.bytes(), path.string());
  const auto symbol = content.metadata.find(kSymbol), card = content.metadata.find(kCardKey);
  if (symbol == content.metadata.end() || card == content.metadata.end()) return std::nullopt;
  Artefact artefact;
  artefact.graph = parse_symbol(symbol->second, path.string() + ": " + kSymbol);
  find_output(artefact.graph);
  artefact.card = parse_card(card->second, path.string() + ": " + kCardKey);
  artefact.arrays = std::move(content.arrays);
  sort_as_in_graph(artefact.arrays, artefact.graph);
  artefact.epoch = number_of(content.metadata, kEpoch, 0);
  artefact.batch = number_of(content.metadata, kBatch, 1);
  artefact.source = path.string();
  return artefact;
}

}  // namespace lockstep::model

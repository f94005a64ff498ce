#pragma once

#include <string>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// MXNet's symbol JSON. Reads `attrs`, `attr` and `param` forms, with or without node_row_ptr; appends the moving
/// statistics that files before 0.9 do not list. Data Error naming path and node.
Graph read_symbol(const Path& path);
Graph parse_symbol(const std::string& text, const std::string& where);
/// The text that MXNet 1.x itself would write for this graph (keys, order, node_row_ptr), mxnet_version 10300.
std::string symbol_text(const Graph& graph);

/// An NDArray list (.params): V0 to V3. Names keep their `arg:` and `aux:`. Data Error with path and offset.
Arrays read_params(const Path& path);
/// Written as MXNet 1.x writes them (V2, cpu(0)), byte for byte.
void write_params(const Path& path, const Arrays& arrays);

/// safetensors: float and integer tensors with an optional text map in `__metadata__`. Data Error with path and what is
/// wrong.
struct Safetensors {
  Arrays arrays;
  std::map<std::string, std::string> metadata;
};
Safetensors read_safetensors(const Path& path);
/// Synced to the disk before it returns. The result is hash() of the bytes that the file must have now.
uint64_t write_safetensors(const Path& path, const Arrays& arrays, const std::map<std::string, std::string>& metadata);
uint64_t write_safetensors(const Path& path, const Safetensors& content);

}  // namespace lockstep::model

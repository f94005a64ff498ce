#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/model/array.h"
#include "lockstep/model/card.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// What a model file holds, as far as it can be told.
struct Inspection {
  std::string source;          ///< what was read
  std::string form;            ///< "MXNet model", "checkpoint", "arrays", "symbol", "weights"
  std::optional<Graph> graph;  ///< none of arrays alone
  Arrays arrays;               ///< none of a symbol alone
  std::optional<Card> card;    ///< none of arrays and symbols alone
  std::optional<Output> output;
  int64_t epoch = 0;
  int64_t parameters = 0;       ///< elements that training changes; of arrays alone, all
  int64_t flops = 0;            ///< of one forward pass of one picture; 0: unknown
  std::string cannot_train;     ///< why no run can begin with it; empty: one can
  std::string cannot_continue;  ///< why SageMaker's algorithm cannot go on with it; empty: it can
};

/// Everything that read_artefact() takes, and what is no whole model: a symbol file, .params of any age (told by their
/// content), weights of a network that nobody here knows, a graph that is no classifier. Data Error for anything else.
Inspection inspect(const Path& path);

/// For people, and as one JSON object; `with_arrays` adds name, shape and type of each array.
std::string to_text(const Inspection& inspection, bool with_arrays);
std::string to_json(const Inspection& inspection, bool with_arrays);

}  // namespace lockstep::model

#pragma once

#include "lockstep/core/error.h"
#include "operator.h"

namespace lockstep::model {

/// One object for each identifier of operators.def, defined in op_<identifier>.cpp.
namespace op {
#define OPERATOR(name, identifier, help) extern const Operator identifier;
#include "lockstep/model/operators.def"
#undef OPERATOR
}  // namespace op

/// Data Error that begins with the node's name and operator.
template <class... Parts>
[[noreturn]] void refuse(const Node& node, const Parts&... parts) {
  fail(ErrorKind::kData, "node ", node.name, " (", node.op, "): ", parts...);
}

/// The usual answers of an operator's row.
inline std::vector<std::string> no_parameters(const Node&) { return {}; }
inline std::vector<std::string> label_input(const Node&) { return {"label"}; }
inline int one_output(const Node&) { return 1; }

/// Refuses a node with another number of inputs.
void require_inputs(const Node& node, const NodeShapes& shapes, size_t inputs);
/// Refuses a first input that is not [N, C, H, W] with N, C, H, W >= 1.
void require_picture(const Node& node, const NodeShapes& shapes);

}  // namespace lockstep::model

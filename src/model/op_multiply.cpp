#include <algorithm>

#include "op.h"

namespace lockstep::model {
namespace {

/// The shape of a * b, where an axis of 1 meets any other in the broadcasting form; empty: they do not meet.
Shape product_shape(const Shape& a, const Shape& b, bool broadcasts) {
  if (a == b || (broadcasts && a.size() == b.size())) {
    Shape product = a;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return {};
      product[i] = std::max(a[i], b[i]);
    }
    return product;
  }
  return {};
}

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 2);
  const Shape &a = shapes.inputs[0], &b = shapes.inputs[1];
  const Shape product = product_shape(a, b, node.op == "broadcast_mul");
  if (product.empty()) refuse(node, "cannot multiply ", shape_text(a), " and ", shape_text(b));
  shapes.outputs = {product};
  shapes.flops = count(product);
}

}  // namespace

const Operator op::multiply = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model

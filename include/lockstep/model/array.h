#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/model/graph.h"

namespace lockstep::model {

enum class ElementType {
  kFloat32,
  kFloat64,
  kFloat16,
  kUint8,
  kInt32,
  kInt8,
  kInt64,
  kBool,
  kInt16,
  kUint16,
  kUint32,
  kUint64,
  kBfloat16
};
size_t size_of(ElementType type);
const char* name_of(ElementType type);

/// A named tensor in host memory: row-major, contiguous.
struct Array {
  std::string name;
  Shape shape;
  ElementType type = ElementType::kFloat32;
  std::vector<std::byte> data;
};
using Arrays = std::vector<Array>;  // in file order

/// A float32 array with these values.
Array float_array(std::string name, Shape shape, const float* values);
/// The values as float32, converted from any floating type; data Error naming the array otherwise.
std::vector<float> to_floats(const Array& array);
/// The array of that name, or nullptr.
const Array* find_array(const Arrays& arrays, const std::string& name);

}  // namespace lockstep::model

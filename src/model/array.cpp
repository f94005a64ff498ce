#include "lockstep/model/array.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "lockstep/core/error.h"

namespace lockstep::model {
namespace {

struct TypeFacts {
  const char* name;
  size_t size;
};
// In the order of ElementType, which is that of MXNet's type flags.
constexpr TypeFacts kTypes[] = {{"float32", 4}, {"float64", 8}, {"float16", 2}, {"uint8", 1}, {"int32", 4},
                                {"int8", 1},    {"int64", 8},   {"bool", 1},    {"int16", 2}, {"uint16", 2},
                                {"uint32", 4},  {"uint64", 8},  {"bfloat16", 2}};

float from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value;
  if (exponent == 31)
    value = fraction ? NAN : INFINITY;
  else if (exponent == 0)
    value = std::ldexp(static_cast<float>(fraction), -24);
  else
    value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -value : value;
}

float from_bfloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

template <class Element, class Convert>
std::vector<float> converted(const Array& array, Convert convert) {
  std::vector<float> values(array.data.size() / sizeof(Element));
  for (size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, array.data.data() + i * sizeof(Element), sizeof(Element));
    values[i] = static_cast<float>(convert(element));
  }
  return values;
}

}  // namespace

size_t size_of(ElementType type) { return kTypes[static_cast<size_t>(type)].size; }
const char* name_of(ElementType type) { return kTypes[static_cast<size_t>(type)].name; }

Array float_array(std::string name, Shape shape, const float* values) {
  Array array{std::move(name), std::move(shape), ElementType::kFloat32, {}};
  const auto* bytes = reinterpret_cast<const std::byte*>(values);
  array.data.assign(bytes, bytes + count(array.shape) * sizeof(float));
  return array;
}

std::vector<float> to_floats(const Array& array) {
  switch (array.type) {
    case ElementType::kFloat32:
      return converted<float>(array, [](float value) { return value; });
    case ElementType::kFloat64:
      return converted<double>(array, [](double value) { return value; });
    case ElementType::kFloat16:
      return converted<uint16_t>(array, from_half);
    case ElementType::kBfloat16:
      return converted<uint16_t>(array, from_bfloat);
    default:
      fail(ErrorKind::kData, "array \"", array.name, "\" holds ", name_of(array.type), ", not floating point");
  }
}

const Array* find_array(const Arrays& arrays, const std::string& name) {
  for (const Array& array : arrays)
    if (array.name == name) return &array;
  return nullptr;
}

}  // namespace lockstep::model

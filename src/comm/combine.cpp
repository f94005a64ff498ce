#include "combine.h"

#include <algorithm>
#include <type_traits>

#include "lockstep/core/error.h"

namespace lockstep::comm {
namespace {

template <class T>
T sum(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;  // overflow of signed numbers would be undefined
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

template <class T, class Function>
void each(void* target, const void* source, size_t count, Function function) {
  T* __restrict to = static_cast<T*>(target);
  const T* __restrict from = static_cast<const T*>(source);
  for (size_t i = 0; i < count; ++i) to[i] = function(to[i], from[i]);
}

template <class T>
void combine_as(Op op, void* target, const void* source, size_t count) {
  switch (op) {
    case Op::kSum:
      return each<T>(target, source, count, [](T a, T b) { return sum(a, b); });
    case Op::kMin:
      return each<T>(target, source, count, [](T a, T b) { return std::min(a, b); });
    case Op::kMax:
      return each<T>(target, source, count, [](T a, T b) { return std::max(a, b); });
  }
}

}  // namespace

void combine(Op op, DType dtype, void* target, const void* source, size_t count) {
  switch (dtype) {
    case DType::kUint8:
      return combine_as<uint8_t>(op, target, source, count);
    case DType::kInt32:
      return combine_as<int32_t>(op, target, source, count);
    case DType::kInt64:
      return combine_as<int64_t>(op, target, source, count);
    case DType::kFloat32:
      return combine_as<float>(op, target, source, count);
    case DType::kFloat64:
      return combine_as<double>(op, target, source, count);
  }
  fail(ErrorKind::kBug, "no such element type: ", static_cast<int>(dtype));
}

}  // namespace lockstep::comm

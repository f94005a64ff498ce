#include "params.h"

#include <algorithm>

#include "byte_reader.h"
#include "lockstep/model/mxnet.h"

// An NDArray list, little-endian, without padding:
//   u64 0x112, u64 0, u64 n, n arrays, u64 m (n, or 0: without names), m times { u64 length, bytes }
// An array, by its first u32 (integers are i32 unless they say otherwise):
//   0xF993FAC9 (V2), 0xF993FACA (V3)  storage type (0 dense), ndim, ndim x i64, device type, device id, element type,
//   data 0xF993FAC8 (V1)                   ndim, ndim x i64, device type, device id, element type, data d (V0) d
//   dimensions x u32, device type, device id, element type, data
// Nothing follows a shape of 0 dimensions; in V3 that is a scalar with everything behind it, and -1 dimensions mean
// nothing follows.
namespace lockstep::model {
namespace {

constexpr uint64_t kListMagic = 0x112;
constexpr uint32_t kV1 = 0xF993FAC8, kV2 = 0xF993FAC9, kV3 = 0xF993FACA;
constexpr int32_t kMostDimensions = 32, kElementTypes = 13, kCpu = 1;

template <class Dimension>
Shape read_shape(ByteReader& reader, int32_t dimensions) {
  if (dimensions < 0 || dimensions > kMostDimensions) reader.refuse("an array of ", dimensions, " dimensions");
  Shape shape;
  for (int32_t i = 0; i < dimensions; ++i) {
    shape.push_back(static_cast<int64_t>(reader.read<Dimension>("a dimension")));
    if (shape.back() < 0) reader.refuse("a dimension of ", shape.back());
  }
  return shape;
}

/// The bytes of an array of this shape, which never exceed what the file still has.
size_t data_size(const ByteReader& reader, const Shape& shape, size_t element) {
  size_t size = element;
  for (const int64_t dimension : shape)
    if (__builtin_mul_overflow(size, static_cast<size_t>(dimension), &size))
      reader.refuse("no array can have the shape ", shape_text(shape));
  return size;
}

Array read_array(ByteReader& reader) {
  const auto first = reader.read<uint32_t>("an array's head");
  const bool is_new = first == kV2 || first == kV3;
  if (is_new) {
    const auto storage = reader.read<int32_t>("the storage type");
    if (storage != 0) reader.refuse("a sparse array (storage type ", storage, ") is not supported");
  }
  const auto dimensions =
      is_new || first == kV1 ? reader.read<int32_t>("the number of dimensions") : static_cast<int32_t>(first);
  Array array;
  if (dimensions == (first == kV3 ? -1 : 0)) {
    array.shape = {0};
    return array;
  }
  array.shape =
      is_new || first == kV1 ? read_shape<int64_t>(reader, dimensions) : read_shape<uint32_t>(reader, dimensions);
  reader.take(2 * sizeof(int32_t), "the device");
  const auto type = reader.read<int32_t>("the element type");
  if (type < 0 || type >= kElementTypes) reader.refuse("element type ", type, " is unknown");
  array.type = static_cast<ElementType>(type);
  const Bytes data = reader.take(data_size(reader, array.shape, size_of(array.type)), "an array's data");
  array.data.assign(data.begin(), data.end());
  return array;
}

template <class Number>
void put(FileWriter& file, Number number) {
  file.write(std::as_bytes(std::span(&number, 1)));
}

void write_array(FileWriter& file, const Array& array) {
  require(array.data.size() == static_cast<size_t>(count(array.shape)) * size_of(array.type), ErrorKind::kBug,
          "array \"", array.name, "\" of shape ", shape_text(array.shape), " holds ", array.data.size(), " bytes");
  // MXNet outside its np-shape mode knows no scalars and writes one as an array of one element.
  const Shape shape = array.shape.empty() ? Shape{1} : array.shape;
  put(file, kV2);
  put(file, int32_t{0});
  put(file, static_cast<int32_t>(shape.size()));
  for (const int64_t dimension : shape) put(file, dimension);
  put(file, kCpu);
  put(file, int32_t{0});
  put(file, static_cast<int32_t>(array.type));
  file.write(array.data);
}

}  // namespace

Arrays parse_params(Bytes bytes, const std::string& where) {
  ByteReader reader(bytes, where);
  if (reader.read<uint64_t>("the magic number") != kListMagic)
    reader.refuse("this is no .params file: its magic number is not 0x112");
  reader.read<uint64_t>("the reserved word");
  const auto arrays_left = reader.read<uint64_t>("the number of arrays");
  if (arrays_left > reader.remaining() / sizeof(uint64_t))
    reader.refuse(arrays_left, " arrays do not fit into the file");
  Arrays arrays;
  for (uint64_t i = 0; i < arrays_left; ++i) arrays.push_back(read_array(reader));
  const auto names = reader.read<uint64_t>("the number of names");
  if (names != 0 && names != arrays.size()) reader.refuse(names, " names for ", arrays.size(), " arrays");
  for (uint64_t i = 0; i < names; ++i) {
    const Bytes name = reader.take(reader.read<uint64_t>("a name's length"), "a name");
    arrays[i].name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  }
  return arrays;
}

Arrays read_params(const Path& path) {
  const MappedFile file(path);
  return parse_params(file.bytes(), path.string());
}

void write_params(const Path& path, const Arrays& arrays) {
  FileWriter file(path);
  put(file, kListMagic);
  put(file, uint64_t{0});
  put(file, uint64_t{arrays.size()});
  for (const Array& array : arrays) write_array(file, array);
  const bool named = std::any_of(arrays.begin(), arrays.end(), [](const Array& array) { return !array.name.empty(); });
  put(file, uint64_t{named ? arrays.size() : 0});
  for (size_t i = 0; named && i < arrays.size(); ++i) {
    put(file, uint64_t{arrays[i].name.size()});
    file.write(arrays[i].name);
  }
  file.finish();
}

}  // namespace lockstep::model

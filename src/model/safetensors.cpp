#include "safetensors.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "byte_reader.h"
#include "json_text.h"
#include "lockstep/core/hash.h"

// u64 N, little-endian | N bytes of JSON that begin with '{', padded with spaces | the data of all tensors, row-major,
// back to back
//   {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, ...}
// Offsets count from the end of the header, and the tensors cover the data without hole or overlap.
namespace lockstep::model {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr uint64_t kLargestHeader = 100'000'000;
constexpr const char* kMetadata = "__metadata__";
// In the order of ElementType.
constexpr const char* kTypes[] = {"F32",  "F64", "F16", "U8",  "I32", "I8",  "I64",
                                  "BOOL", "I16", "U16", "U32", "U64", "BF16"};

struct TensorEntry {
  Array array;  // without data
  uint64_t begin = 0, end = 0;
};

ElementType read_type(const std::string& text, const std::string& where) {
  const auto found = std::find(std::begin(kTypes), std::end(kTypes), text);
  require(found != std::end(kTypes), ErrorKind::kData, where, ": element type ", text, " is not supported");
  return static_cast<ElementType>(found - std::begin(kTypes));
}

TensorEntry read_entry(const std::string& name, const json& fields, const std::string& where) {
  TensorEntry entry;
  entry.array.name = name;
  entry.array.type = read_type(fields.at("dtype").get<std::string>(), where);
  uint64_t size = size_of(entry.array.type);
  for (const json& dimension : fields.at("shape")) {
    require(dimension.is_number_unsigned(), ErrorKind::kData, where, ": its shape is ", fields.at("shape").dump());
    entry.array.shape.push_back(dimension.get<int64_t>());
    require(entry.array.shape.back() >= 0 && !__builtin_mul_overflow(size, dimension.get<uint64_t>(), &size),
            ErrorKind::kData, where, ": its shape is ", fields.at("shape").dump());
  }
  const json& offsets = fields.at("data_offsets");
  require(offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(), ErrorKind::kData,
          where, ": its data_offsets are ", offsets.dump());
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  require(entry.end >= entry.begin && entry.end - entry.begin == size, ErrorKind::kData, where, ": its data_offsets ",
          offsets.dump(), " do not hold the ", size, " bytes of its shape");
  return entry;
}

std::vector<TensorEntry> read_header(const std::string& text, const std::string& where,
                                     std::map<std::string, std::string>& metadata) {
  verify_json(text, where + ": header");
  std::vector<TensorEntry> entries;
  try {
    const json header = json::parse(text);
    for (const auto& [name, fields] : header.items()) {
      if (name == kMetadata)
        metadata = fields.get<std::map<std::string, std::string>>();
      else
        entries.push_back(read_entry(name, fields, cat(where, ": tensor \"", name, "\"")));
    }
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, where, ": the header is not that of safetensors: ", error.what());
  }
  std::stable_sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  return entries;
}

/// Larger elements first, so that every tensor is aligned; otherwise the caller's order.
std::vector<const Array*> file_order(const Arrays& arrays) {
  std::vector<const Array*> order;
  for (const Array& array : arrays) order.push_back(&array);
  std::stable_sort(order.begin(), order.end(),
                   [](const Array* a, const Array* b) { return size_of(a->type) > size_of(b->type); });
  return order;
}

std::string header_text(const std::vector<const Array*>& order, const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  size_t offset = 0;
  for (const Array* array : order) {
    require(array->data.size() == static_cast<size_t>(count(array->shape)) * size_of(array->type), ErrorKind::kBug,
            "array \"", array->name, "\" of shape ", shape_text(array->shape), " holds ", array->data.size(), " bytes");
    require(array->name != kMetadata && !header.contains(array->name), ErrorKind::kBug, "two tensors are called \"",
            array->name, "\"");
    header[array->name] = {{"dtype", kTypes[static_cast<size_t>(array->type)]},
                           {"shape", array->shape},
                           {"data_offsets", {offset, offset + array->data.size()}}};
    offset += array->data.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

Safetensors read_safetensors(const Path& path) {
  const MappedFile file(path);
  return parse_safetensors(file.bytes(), path.string());
}

Safetensors parse_safetensors(Bytes bytes, const std::string& where) {
  ByteReader reader(bytes, where);
  const auto header_size = reader.read<uint64_t>("the size of the header");
  if (header_size > kLargestHeader) reader.refuse("a header of ", header_size, " bytes; this is no safetensors file");
  const Bytes header = reader.take(header_size, "the header");
  const std::string text(reinterpret_cast<const char*>(header.data()), header.size());
  require(text.starts_with('{'), ErrorKind::kData, where, ": offset 8: the header does not begin with {");

  Safetensors content;
  uint64_t expected = 0;
  for (TensorEntry& entry : read_header(text, where, content.metadata)) {
    if (entry.begin != expected)
      reader.refuse("tensor \"", entry.array.name, "\" begins at ", entry.begin, " of the data instead of ", expected);
    const Bytes data = reader.take(entry.end - entry.begin, "a tensor");
    entry.array.data.assign(data.begin(), data.end());
    content.arrays.push_back(std::move(entry.array));
    expected = entry.end;
  }
  if (reader.remaining() != 0) reader.refuse(reader.remaining(), " bytes belong to no tensor");
  return content;
}

uint64_t write_safetensors(const Path& path, const Safetensors& content) {
  return write_safetensors(path, content.arrays, content.metadata);
}

uint64_t write_safetensors(const Path& path, const Arrays& arrays, const std::map<std::string, std::string>& metadata) {
  const std::vector<const Array*> order = file_order(arrays);
  std::string header;
  try {
    header = header_text(order, metadata);
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, path.string(), ": names and metadata must be UTF-8: ", error.what());
  }
  FileWriter file(path);
  Hasher hasher;
  const auto write = [&](Bytes bytes) {
    file.write(bytes);
    hasher.add(bytes);
  };
  const uint64_t size = header.size();
  write(std::as_bytes(std::span(&size, 1)));
  write(std::as_bytes(std::span(header)));
  for (const Array* array : order) write(array->data);
  file.finish(true);
  return hasher.value();
}

}  // namespace lockstep::model

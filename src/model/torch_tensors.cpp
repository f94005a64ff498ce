#include "torch_tensors.h"

#include <algorithm>
#include <array>
#include <map>

#include "pickle.h"
#include "zip.h"

// zip:    <stem>/data.pkl   the object; <stem>/data/<key> the elements of a storage; <stem>/byteorder "little" or "big"
// older:  pickles of a magic number, the protocol 1001, facts of the system, the object, the list of keys; then for
// each
//         key int64 number of elements, the elements. Always little-endian.
// In the object, a storage is the persistent id ("storage", type, key, device, number of elements[, part]), and a
// tensor the call _rebuild_tensor_v2(storage, offset, sizes, strides, ...), counted in elements.
namespace lockstep::model {
namespace {

using Kind = PickleValue::Kind;

constexpr std::pair<std::string_view, ElementType> kStorages[] = {
    {"torch.FloatStorage", ElementType::kFloat32}, {"torch.DoubleStorage", ElementType::kFloat64},
    {"torch.HalfStorage", ElementType::kFloat16},  {"torch.BFloat16Storage", ElementType::kBfloat16},
    {"torch.LongStorage", ElementType::kInt64},    {"torch.IntStorage", ElementType::kInt32},
    {"torch.ShortStorage", ElementType::kInt16},   {"torch.CharStorage", ElementType::kInt8},
    {"torch.ByteStorage", ElementType::kUint8},    {"torch.BoolStorage", ElementType::kBool}};
constexpr std::string_view kTensorMakers[] = {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"};
constexpr std::string_view kParameterMaker = "torch._utils._rebuild_parameter";
constexpr std::string_view kOthers[] = {"collections.OrderedDict", "torch.Size", "torch.device"};
constexpr std::string_view kStateNames[] = {"state_dict_ema",   "model_ema", "state_dict",
                                            "model_state_dict", "model",     "net"};
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // as an integer in a pickle
constexpr int64_t kProtocol = 1001;
constexpr size_t kMostDimensions = 16;
// Tensors may share a storage, but not so often that a small file fills the memory.
constexpr size_t kMostUses = 4;

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_known(std::string_view name) {
  return std::any_of(std::begin(kStorages), std::end(kStorages), [&](const auto& row) { return row.first == name; }) ||
         contains(kTensorMakers, name) || name == kParameterMaker || contains(kOthers, name);
}

struct Storage {
  ElementType type = ElementType::kFloat32;
  std::string key;
  int64_t begin = 0, count = 0;  // elements
};

/// The tensors of one pickle whose storages lie elsewhere.
class TensorReader {
 public:
  TensorReader(const Pickle& pickle, std::string where, size_t file_size)
      : pickle_(pickle), where_(std::move(where)), file_size_(file_size) {}

  /// Of all persistent ids of the pickle, by key.
  std::map<std::string, Storage> storages() const {
    std::map<std::string, Storage> found;
    for (const PickleValue& value : pickle_.values())
      if (value.kind == Kind::kPersistent) {
        Storage storage = storage_of(value, "a storage");
        const Storage& first = found.emplace(storage.key, storage).first->second;
        if (first.type != storage.type) refuse("storage ", storage.key, " has two types");
      }
    return found;
  }

  template <class Content>
  Arrays read(const Content& content, bool is_big_endian) {
    const PickleValue& dict = state_dict();
    Arrays arrays;
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue &name = pickle_[dict.items[i]], &value = pickle_[dict.items[i + 1]];
      if (name.kind != Kind::kText || !is_tensor(value)) continue;
      arrays.push_back(read_tensor(std::string(name.text), value, content));
      if (is_big_endian) reverse_bytes(arrays.back());
    }
    return arrays;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(ErrorKind::kData, where_, ": ", parts...);
  }

  bool is_call_of(const PickleValue& value, std::string_view name) const {
    return value.kind == Kind::kCall && pickle_[value.items[0]].text == name;
  }
  bool is_tensor(const PickleValue& value) const {
    return is_call_of(value, kParameterMaker) || is_call_of(value, kTensorMakers[0]) ||
           is_call_of(value, kTensorMakers[1]);
  }

  const PickleValue& state_dict() const {
    const PickleValue& root = pickle_.root();
    if (root.kind != Kind::kDict) refuse("it holds no dict of weights; save model.state_dict()");
    const auto tensors_in = [&](const PickleValue& dict) {
      size_t n = 0;
      for (size_t i = 1; dict.kind == Kind::kDict && i < dict.items.size(); i += 2)
        n += is_tensor(pickle_[dict.items[i]]);
      return n;
    };
    const PickleValue* best = &root;
    size_t most = tensors_in(root);
    const auto consider = [&](const PickleValue& dict) {
      if (const size_t n = tensors_in(dict); n > most) best = &dict, most = n;
    };
    for (const std::string_view name : kStateNames)
      if (const PickleValue* dict = pickle_.find(root, name)) consider(*dict);
    for (size_t i = 1; i < root.items.size(); i += 2) consider(pickle_[root.items[i]]);
    if (most == 0) refuse("it holds no tensors under names; save model.state_dict()");
    return *best;
  }

  /// items[index] of a tuple, which must be of that kind.
  const PickleValue& item(const PickleValue& tuple, size_t index, Kind kind, const std::string& what) const {
    if (tuple.kind != Kind::kTuple || index >= tuple.items.size() || pickle_[tuple.items[index]].kind != kind)
      refuse(what, " is not described as torch describes it; the file is damaged");
    return pickle_[tuple.items[index]];
  }

  Storage storage_of(const PickleValue& value, const std::string& what) const {
    const PickleValue& id = pickle_[value.items[0]];
    if (item(id, 0, Kind::kText, what).text != "storage") refuse(what, " is no storage");
    const std::string_view type = item(id, 1, Kind::kGlobal, what).text;
    const auto row =
        std::find_if(std::begin(kStorages), std::end(kStorages), [&](const auto& each) { return each.first == type; });
    if (row == std::end(kStorages)) refuse(what, " is kept as ", type, ", which is not supported");
    Storage storage{row->second, std::string(item(id, 2, Kind::kText, what).text), 0,
                    item(id, 4, Kind::kInteger, what).integer};
    if (storage.count < 0) refuse(what, " has ", storage.count, " elements");
    if (id.items.size() > 5 && pickle_[id.items[5]].kind != Kind::kNone) {
      const PickleValue& part = item(id, 5, Kind::kTuple, what);
      storage.begin = item(part, 1, Kind::kInteger, what).integer;
      if (storage.begin < 0 || storage.begin > storage.count) refuse(what, " begins at element ", storage.begin);
    }
    return storage;
  }

  std::vector<int64_t> numbers(const PickleValue& tuple, size_t index, const std::string& what) const {
    const PickleValue& list = item(tuple, index, Kind::kTuple, what);
    if (list.items.size() > kMostDimensions) refuse(what, " has ", list.items.size(), " dimensions");
    std::vector<int64_t> values;
    for (size_t i = 0; i < list.items.size(); ++i) {
      values.push_back(item(list, i, Kind::kInteger, what).integer);
      if (values.back() < 0) refuse(what, " has a negative size or stride");
    }
    return values;
  }

  template <class Content>
  Array read_tensor(const std::string& name, const PickleValue& value, const Content& content) {
    const std::string what = cat("tensor \"", name, "\"");
    const PickleValue* call = &value;
    if (is_call_of(value, kParameterMaker)) call = &item(pickle_[value.items[1]], 0, Kind::kCall, what);
    if (is_call_of(*call, kParameterMaker)) refuse(what, " is a parameter of a parameter");
    const PickleValue& arguments = pickle_[call->items[1]];
    const Storage storage = storage_of(item(arguments, 0, Kind::kPersistent, what), what);
    const int64_t offset = item(arguments, 1, Kind::kInteger, what).integer;
    const std::vector<int64_t> sizes = numbers(arguments, 2, what), strides = numbers(arguments, 3, what);
    if (sizes.size() != strides.size()) refuse(what, " has ", sizes.size(), " sizes and ", strides.size(), " strides");

    const int64_t room = storage.count - storage.begin;
    int64_t count = 1, last = offset;
    bool fits = offset >= 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      int64_t step;
      fits = fits && !__builtin_mul_overflow(count, sizes[i], &count) &&
             !__builtin_mul_overflow(sizes[i] - 1, strides[i], &step) && !__builtin_add_overflow(last, step, &last);
    }
    const size_t size = size_of(storage.type);
    if (count == 0) return {name, sizes, storage.type, {}};
    if (!fits || count > room || last >= room)
      refuse(what, " of shape ", shape_text(sizes), " and strides ", shape_text(strides), " from element ", offset,
             " does not fit into its storage of ", room, " elements");
    const auto bytes = static_cast<size_t>(count) * size;
    if ((taken_ += bytes) / kMostUses > file_size_) refuse(what, ": the tensors are larger than the file many times");
    const Bytes whole = content(storage.key);
    if (whole.size() / size < static_cast<size_t>(storage.count))
      refuse(what, ": its storage ", storage.key, " has ", whole.size(), " bytes, fewer than its ", storage.count,
             " elements need");
    Array array{name, sizes, storage.type, std::vector<std::byte>(bytes)};
    copy_strided(whole.data() + static_cast<size_t>(storage.begin + offset) * size, strides, array);
    return array;
  }

  /// Row-major from any strides.
  static void copy_strided(const std::byte* source, const std::vector<int64_t>& strides, Array& array) {
    const size_t size = size_of(array.type);
    bool contiguous = true;
    int64_t expected = 1;
    for (size_t i = strides.size(); i-- > 0; expected *= array.shape[i])
      contiguous = contiguous && (array.shape[i] == 1 || strides[i] == expected);
    if (contiguous) {
      std::memcpy(array.data.data(), source, array.data.size());
      return;
    }
    std::vector<int64_t> at(strides.size());
    int64_t from = 0;
    for (size_t to = 0; to < array.data.size(); to += size) {
      std::memcpy(array.data.data() + to, source + static_cast<size_t>(from) * size, size);
      for (size_t i = at.size(); i-- > 0;) {
        from += strides[i];
        if (++at[i] < array.shape[i]) break;
        from -= strides[i] * at[i];
        at[i] = 0;
      }
    }
  }

  static void reverse_bytes(Array& array) {
    const size_t size = size_of(array.type);
    for (auto element = array.data.begin(); element != array.data.end(); element += static_cast<long>(size))
      std::reverse(element, element + static_cast<long>(size));
  }

  const Pickle& pickle_;
  std::string where_;
  size_t file_size_, taken_ = 0;
};

Arrays read_zip(Bytes bytes, const std::string& where) {
  const Zip zip(bytes, where);
  std::string stem;
  for (const auto& [name, entry] : zip.entries()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    const std::string_view rest = std::string_view(name).substr(slash + 1);
    require(rest != "constants.pkl" && !rest.starts_with("code/"), ErrorKind::kData, where,
            ": this is TorchScript, a program and not weights alone; save model.state_dict() with torch.save");
    if (rest == "data.pkl") stem = name.substr(0, slash + 1);
  }
  require(!stem.empty(), ErrorKind::kData, where, ": no data.pkl in this zip archive; torch.save did not write it");
  ByteReader reader(zip.read(stem + "data.pkl"), where + ": data.pkl");
  const Pickle pickle(reader, is_known);
  bool is_big_endian = false;
  if (zip.has(stem + "byteorder")) {
    const Bytes order = zip.read(stem + "byteorder");
    is_big_endian = std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) == "big";
  }
  return TensorReader(pickle, where, bytes.size())
      .read([&](const std::string& key) { return zip.read(stem + "data/" + key); }, is_big_endian);
}

Arrays read_legacy(Bytes bytes, const std::string& where) {
  ByteReader reader(bytes, where);
  const auto nothing = [](std::string_view) { return false; };
  if (Pickle(reader, nothing).root().text != kMagic) reader.refuse("this pickle was not written by torch.save");
  if (Pickle(reader, nothing).root().integer != kProtocol)
    reader.refuse("torch.save of an unknown protocol wrote this");
  const Pickle system(reader, nothing), object(reader, is_known), keys(reader, nothing);
  TensorReader tensors(object, where, bytes.size());
  const std::map<std::string, Storage> storages = tensors.storages();
  std::map<std::string, Bytes> contents;
  for (const int index : keys.root().items) {
    const std::string key(keys[index].text);
    const auto storage = storages.find(key);
    if (storage == storages.end()) reader.refuse("a storage \"", key, "\" that nothing uses");
    const auto count = reader.read<int64_t>("the size of a storage");
    if (count != storage->second.count)
      reader.refuse("storage ", key, " has ", count, " elements instead of ", storage->second.count);
    const size_t size = size_of(storage->second.type);
    if (static_cast<size_t>(count) > reader.remaining() / size)
      reader.refuse("storage ", key, " has ", count, " elements, ", reader.remaining(),
                    " bytes are left; the file is cut off or damaged");
    contents[key] = reader.take(static_cast<size_t>(count) * size, "a storage");
  }
  const auto content = [&](const std::string& key) {
    const auto found = contents.find(key);
    require(found != contents.end(), ErrorKind::kData, where, ": storage ", key, " is absent");
    return found->second;
  };
  return tensors.read(content, false);
}

}  // namespace

bool is_torch(Bytes bytes) {
  constexpr std::byte kFirst{0x80}, kOldest{2}, kNewest{5};  // a pickle says its protocol first
  const bool is_pickle = bytes.size() > 1 && bytes[0] == kFirst && bytes[1] >= kOldest && bytes[1] <= kNewest;
  return is_pickle || Zip::is_zip(bytes);
}

Arrays read_torch_tensors(Bytes bytes, const std::string& where) {
  require(is_torch(bytes), ErrorKind::kData, where,
          ": offset 0: this does not begin as a file of torch.save, neither as a zip archive nor as a pickle");
  return Zip::is_zip(bytes) ? read_zip(bytes, where) : read_legacy(bytes, where);
}

}  // namespace lockstep::model

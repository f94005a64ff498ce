#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "byte_reader.h"

namespace lockstep::model {

/// What a pickle says, as data. Where Python would call something, there is a node that says what would be called.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,       ///< integer
    kInteger,    ///< integer
    kNumber,     ///< number
    kText,       ///< text
    kBytes,      ///< text; also an integer of more than 8 bytes, as it stands in the file (little-endian)
    kTuple,      ///< items
    kList,       ///< items
    kDict,       ///< items: key, value, key, value; OrderedDict too
    kGlobal,     ///< text: "module.name"
    kCall,       ///< items: what would be called, its arguments
    kPersistent  ///< items: the id of something that is kept outside of the pickle
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double number = 0;
  std::string_view text = {};
  std::vector<int> items = {};  ///< indices of values
};

/// A pickle, read and never executed. A value may stand in several places, and a list or dict even in itself.
class Pickle {
 public:
  /// Reads one pickle of protocol 0 to 5 and leaves `reader` behind it. `allow` says which "module.name" may stand in
  /// it. Data Error with the offset for any other, for damage, and for what no file of tensors needs. The reader's
  /// bytes must outlive the Pickle.
  Pickle(ByteReader& reader, const std::function<bool(std::string_view name)>& allow);

  const PickleValue& root() const { return (*this)[root_]; }
  const std::vector<PickleValue>& values() const { return values_; }
  const PickleValue& operator[](int index) const { return values_[static_cast<size_t>(index)]; }
  /// The value under that key of a dict, or nullptr.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  std::vector<PickleValue> values_;
  std::deque<std::string> names_;  // texts that do not stand in the file as they are
  int root_ = 0;
};

}  // namespace lockstep::model

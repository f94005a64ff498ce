#pragma once

#include <bit>
#include <cstring>
#include <string>

#include "lockstep/core/error.h"
#include "lockstep/core/file.h"

namespace lockstep::model {

static_assert(std::endian::native == std::endian::little, "the formats of this floor are little-endian");

/// Walks over the bytes of a file. Whatever is not there is a data Error with the file's name and the offset.
class ByteReader {
 public:
  /// `where`: the file's name for messages. The bytes must outlive the reader.
  ByteReader(Bytes bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  template <class Number>
  Number read(const char* what) {
    Number number;
    std::memcpy(&number, take(sizeof(Number), what).data(), sizeof(Number));
    return number;
  }

  Bytes take(size_t size, const char* what) {
    if (size > remaining())
      refuse(what, " needs ", size, " bytes, ", remaining(), " are left; the file is cut off or damaged");
    offset_ += size;
    return bytes_.subspan(offset_ - size, size);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(ErrorKind::kData, where_, ": offset ", offset_, ": ", parts...);
  }

 private:
  Bytes bytes_;
  std::string where_;
  size_t offset_ = 0;
};

}  // namespace lockstep::model

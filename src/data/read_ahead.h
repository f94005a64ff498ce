#pragma once

#include <cstdint>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// Asks the system to read parts of a file into its page cache before they are needed. Only a wish: nothing waits and
/// nothing fails. Any thread.
class ReadAhead {
 public:
  explicit ReadAhead(const Path& path);
  ~ReadAhead();
  ReadAhead(ReadAhead&& other) noexcept;
  ReadAhead& operator=(ReadAhead&&) = delete;

  /// The bytes begin..end-1; `end` 0: as far as the file goes.
  void ask(uint64_t begin, uint64_t end) const;

 private:
  int fd_ = -1;  // -1: could not be opened, and nothing is asked
};

}  // namespace lockstep::data

#pragma once

#include <stdexcept>
#include <string>

#include "lockstep/core/text.h"

namespace lockstep {

/// What went wrong, in the terms of whoever must act on it. The kind alone decides the exit code of the rank.
enum class ErrorKind {
  kUsage,   ///< the command line or the configuration: exit 2
  kData,    ///< records, pictures, labels, models, non-finite numbers: exit 3
  kIo,      ///< the file system: exit 4
  kComm,    ///< another rank or the network: exit 5
  kDevice,  ///< a GPU or its memory: exit 6
  kBug      ///< us: exit 70
};

/// The one exception of this code base. Thrown where the facts are known, caught in main and where a thread ends.
/// The message is one line or two: what, where (path, key and line, rank, record), what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// The exit code of a rank that ends with an Error of this kind.
int exit_code(ErrorKind kind);

/// Throws an Error whose message is the parts written one after the other.
template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, cat(parts...));
}

/// Throws like fail() unless the condition holds. The parts are formatted only then.
template <class... Parts>
void require(bool condition, ErrorKind kind, const Parts&... parts) {
  if (!condition) fail(kind, parts...);
}

}  // namespace lockstep

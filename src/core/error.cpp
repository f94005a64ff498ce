#include "lockstep/core/error.h"

namespace lockstep {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kData:
      return 3;
    case ErrorKind::kIo:
      return 4;
    case ErrorKind::kComm:
      return 5;
    case ErrorKind::kDevice:
      return 6;
    case ErrorKind::kBug:
      break;
  }
  return 70;
}

}  // namespace lockstep

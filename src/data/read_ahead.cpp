#include "read_ahead.h"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace lockstep::data {

ReadAhead::ReadAhead(const Path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

ReadAhead::~ReadAhead() {
  if (fd_ >= 0) ::close(fd_);
}

ReadAhead::ReadAhead(ReadAhead&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

void ReadAhead::ask(uint64_t begin, uint64_t end) const {
  if (fd_ < 0) return;
  // On a file that is mapped too this is what madvise(MADV_WILLNEED) does, without a page of it being touched.
  ::posix_fadvise(fd_, static_cast<off_t>(begin), end > begin ? static_cast<off_t>(end - begin) : 0,
                  POSIX_FADV_WILLNEED);
}

}  // namespace lockstep::data

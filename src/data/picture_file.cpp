#include "picture_file.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "lockstep/core/error.h"
#include "missing_path.h"

namespace lockstep::data {
namespace {

void require_readable(const Path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) fail(ErrorKind::kData, describe_missing(path));
  require(std::filesystem::is_regular_file(status), ErrorKind::kData, path.string(), " is not a file");
  require(::access(path.c_str(), R_OK) == 0, ErrorKind::kData, path.string(), " may not be read: permission denied");
}

}  // namespace

bool is_picture_file(const Path& path) {
  constexpr std::array<std::string_view, 8> kExtensions = {".jpg", ".jpeg", ".png", ".webp",
                                                           ".bmp", ".gif",  ".tif", ".tiff"};
  if (path.filename().string().starts_with('.')) return false;
  return std::ranges::find(kExtensions, lower(path.extension().string())) != kExtensions.end();
}

void read_picture(const Path& path, std::vector<std::byte>& bytes) {
  try {
    read_bytes(path, bytes);
  } catch (const Error&) {
    require_readable(path);
    throw;
  }
}

void read_picture(const Path& path, Sample& sample) {
  sample.name = path.string();
  read_picture(path, sample.storage);
  sample.bytes = sample.storage;
  sample.seek_points = {};
}

void ask_for_picture(const Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
  ::close(fd);
}

uint64_t picture_size(const Path& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (!error) return size;
  require_readable(path);
  fail(ErrorKind::kIo, path.string(), ": cannot tell the size: ", error.message());
}

}  // namespace lockstep::data

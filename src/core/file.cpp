#include "lockstep/core/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lockstep/core/error.h"

namespace lockstep {
namespace {

constexpr size_t kWriteBuffer = size_t{1} << 20;

[[noreturn]] void fail_io(const Path& path, const char* doing) {
  const int reason = errno;
  fail(ErrorKind::kIo, path.string(), ": cannot ", doing, ": ", std::strerror(reason));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const Path& path, int flags, const char* doing) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail_io(path, doing);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

size_t size_of_file(const Descriptor& file, const Path& path) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) fail_io(path, "read");
  if (!S_ISREG(status.st_mode)) fail(ErrorKind::kIo, path.string(), ": not a regular file");
  return static_cast<size_t>(status.st_size);
}

void read_all(const Descriptor& file, const Path& path, std::byte* to, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = ::read(file.get(), to + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path, "read");
    if (n == 0) fail(ErrorKind::kIo, path.string(), ": became shorter while it was read");
    done += static_cast<size_t>(n);
  }
}

void write_all(int fd, const Path& path, const std::byte* from, size_t size, uint64_t offset) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = ::write(fd, from + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int reason = errno;
      fail(ErrorKind::kIo, path.string(), ": cannot write at byte ", offset + done, ": ", std::strerror(reason));
    }
    done += static_cast<size_t>(n);
  }
}

}  // namespace

MappedFile::MappedFile(const Path& path) : path_(path) {
  const Descriptor file(path, O_RDONLY, "open");
  size_ = size_of_file(file, path);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) fail_io(path, "map into memory");
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

FileWriter::FileWriter(const Path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail_io(path, "create");
  buffer_.reserve(kWriteBuffer);
}

FileWriter::~FileWriter() {
  if (fd_ < 0) return;
  try {
    flush();
  } catch (const Error&) {  // finish() is where a caller learns of it
  }
  ::close(fd_);
}

void FileWriter::write(Bytes bytes) {
  if (buffer_.size() + bytes.size() > kWriteBuffer) flush();
  if (bytes.size() >= kWriteBuffer) {
    write_all(fd_, path_, bytes.data(), bytes.size(), offset_);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  offset_ += bytes.size();
}

void FileWriter::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void FileWriter::flush() {
  const auto size = buffer_.size();
  // Dropped before the attempt: after a failed write the destructor must not try again at a wrong offset.
  const auto pending = std::exchange(buffer_, {});
  buffer_.reserve(kWriteBuffer);
  write_all(fd_, path_, pending.data(), size, offset_ - size);
}

void FileWriter::finish(bool sync) {
  flush();
  if (sync && ::fsync(fd_) != 0) fail_io(path_, "write to the disk");
  if (::close(std::exchange(fd_, -1)) != 0) fail_io(path_, "close");
}

std::string read_text(const Path& path) {
  const Descriptor file(path, O_RDONLY, "open");
  std::string text(size_of_file(file, path), '\0');
  read_all(file, path, reinterpret_cast<std::byte*>(text.data()), text.size());
  return text;
}

std::vector<std::byte> read_bytes(const Path& path) {
  std::vector<std::byte> bytes;
  read_bytes(path, bytes);
  return bytes;
}

void read_bytes(const Path& path, std::vector<std::byte>& bytes) {
  const Descriptor file(path, O_RDONLY, "open");
  bytes.resize(size_of_file(file, path));
  read_all(file, path, bytes.data(), bytes.size());
}

void write_atomic(const Path& path, std::string_view text) {
  Path temporary = path;
  temporary += cat(".tmp-", ::getpid());
  try {
    FileWriter writer(temporary);
    writer.write(text);
    writer.finish(true);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_io(path, "replace");
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_path(path.has_parent_path() ? path.parent_path() : Path("."));
}

void sync_path(const Path& path) {
  const Descriptor file(path, O_RDONLY, "open");
  // Some file systems refuse to sync a folder; there the rename is all that can be had.
  if (::fsync(file.get()) != 0 && errno != EINVAL) fail_io(path, "write to the disk");
}

uint64_t free_space(const Path& path) {
  Path existing = std::filesystem::absolute(path);
  std::error_code error;
  while (!std::filesystem::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  const auto space = std::filesystem::space(existing, error);
  if (error) fail(ErrorKind::kIo, existing.string(), ": cannot tell the free space: ", error.message());
  return space.available;
}

}  // namespace lockstep

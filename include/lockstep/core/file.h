#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

using Path = std::filesystem::path;
using Bytes = std::span<const std::byte>;

/// A whole file mapped for reading. Any number of threads may read at once, without lock and without copy.
/// The file must not shrink while it is mapped: the system would end the process (SIGBUS).
/// Movable, not copyable; an empty file maps to an empty span.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws an io Error that names the path.
  explicit MappedFile(const Path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  Bytes bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }
  const Path& path() const { return path_; }

 private:
  Path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// A file that is written once from front to back. Every failed write is an io Error with path, offset and reason,
/// never silence. One thread.
class FileWriter {
 public:
  /// Creates or truncates.
  explicit FileWriter(const Path& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(Bytes bytes);
  void write(std::string_view text);
  uint64_t offset() const { return offset_; }
  /// Flushes to the system and, when asked, to the disk, and closes. Without it the destructor closes and drops late
  /// errors.
  void finish(bool sync = false);

 private:
  void flush();
  Path path_;
  int fd_ = -1;
  uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
};

/// The whole file. io Error when it cannot be read.
std::string read_text(const Path& path);
std::vector<std::byte> read_bytes(const Path& path);
/// The same into memory that is reused.
void read_bytes(const Path& path, std::vector<std::byte>& bytes);

/// Replaces the file in one step: a reader sees the old text or the new one, also after a crash (temp file, fsync,
/// rename, fsync of the folder).
void write_atomic(const Path& path, std::string_view text);

/// fsync of a file or folder that exists.
void sync_path(const Path& path);

/// Bytes that an unprivileged writer may still put on the file system of `path`; the nearest existing parent counts.
uint64_t free_space(const Path& path);

}  // namespace lockstep

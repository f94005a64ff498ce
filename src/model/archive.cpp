#include "archive.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;

// A ResNet-269 in float32 is 0.4 GB. The limits stop archives that are made to fill the memory.
constexpr int64_t kLargestFile = int64_t{4} << 30;
constexpr int64_t kLargestTotal = int64_t{8} << 30;
constexpr int kMostEntries = 10'000;
// Weights hardly compress; a small archive that unpacks to a hundred times its size was made to do so.
constexpr int64_t kAlwaysAllowed = int64_t{256} << 20, kLargestRatio = 100;
constexpr size_t kPart = size_t{1} << 20;

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

std::string reason(archive* a) {
  const char* text = archive_error_string(a);
  return text ? text : "unknown reason";
}

/// Reads one archive; counts what it has really unpacked, whatever the headers promise.
class ArchiveReader {
 public:
  explicit ArchiveReader(const Path& path) : path_(path), archive_(archive_read_new()) {
    require(archive_ != nullptr, ErrorKind::kIo, "no memory to read ", path.string());
    std::error_code ignored;
    const auto packed = static_cast<int64_t>(std::min<uintmax_t>(fs::file_size(path, ignored), kLargestTotal));
    if (!ignored) most_ = std::min(kLargestTotal, std::max(kAlwaysAllowed, packed * kLargestRatio));
    archive_read_support_filter_gzip(archive_.get());
    archive_read_support_format_tar(archive_.get());
    check(archive_read_open_filename(archive_.get(), path.c_str(), 1 << 16));
  }

  /// The next entry, or nullptr at the end.
  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_EOF) return nullptr;
    if (status != ARCHIVE_WARN) check(status);  // a name that this locale cannot write: not one of a model
    require(++entries_ <= kMostEntries, ErrorKind::kData, path_.string(), ": more than ", kMostEntries, " entries");
    return entry;
  }

  /// The name of a regular file at the top of the archive, empty for what is passed over.
  std::string flat_name(archive_entry* entry) const {
    const char* raw = archive_entry_pathname(entry);
    if (!raw) return "";
    const std::string name = raw;
    const Path path(name);
    bool climbs = path.is_absolute();
    for (const Path& part : path) climbs = climbs || part == "..";
    require(!climbs, ErrorKind::kData, path_.string(), ": entry \"", name, "\" leads out of the archive");
    if (archive_entry_filetype(entry) == AE_IFDIR) return "";
    require(
        archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry) && !archive_entry_symlink(entry),
        ErrorKind::kData, path_.string(), ": entry \"", name, "\" is a link or device; a model holds regular files");
    const Path flat = path.lexically_normal();
    return flat.has_parent_path() ? "" : flat.string();
  }

  std::vector<std::byte> read(archive_entry* entry, const std::string& name) {
    const int64_t promised = archive_entry_size(entry);
    require(promised >= 0 && promised <= kLargestFile, ErrorKind::kData, path_.string(), ": entry \"", name,
            "\" claims ", bytes_text(static_cast<double>(promised)), "; at most ", bytes_text(kLargestFile),
            " are read");
    std::vector<std::byte> content;
    for (std::vector<std::byte> part(kPart);;) {
      const la_ssize_t size = archive_read_data(archive_.get(), part.data(), part.size());
      if (size < 0) check(static_cast<int>(size));
      if (size == 0) break;
      total_ += size;
      require(total_ <= most_, ErrorKind::kData, path_.string(), ": more than ", bytes_text(static_cast<double>(most_)),
              " of files, which is too much for an archive of its size");
      content.insert(content.end(), part.begin(), part.begin() + size);
    }
    require(static_cast<int64_t>(content.size()) == promised, ErrorKind::kData, path_.string(), ": entry \"", name,
            "\" has ", content.size(), " of ", promised, " bytes; the archive is cut off");
    return content;
  }

 private:
  void check(int status) const {
    if (status != ARCHIVE_OK)
      fail(ErrorKind::kData, path_.string(), ": this is no complete tar or tar.gz archive: ", reason(archive_.get()));
  }

  Path path_;
  std::unique_ptr<archive, FreeReader> archive_;
  int entries_ = 0;
  int64_t total_ = 0, most_ = kLargestTotal;
};

// The same model is the same file, byte for byte, so its entries have no dates of their own: 1980, the oldest that
// every unpacker takes.
constexpr time_t kDate = 315'532'800;

void check_write(archive* a, int status, const Path& path) {
  if (status != ARCHIVE_OK) fail(ErrorKind::kIo, path.string(), ": cannot write: ", reason(a));
}

void add_file(archive* out, const Path& archive_path, const Path& file, const std::string& name) {
  const MappedFile content(file);
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), kDate, 0);
  check_write(out, archive_write_header(out, entry.get()), archive_path);
  const la_ssize_t written = archive_write_data(out, content.bytes().data(), content.size());
  require(written == static_cast<la_ssize_t>(content.size()), ErrorKind::kIo, archive_path.string(), ": cannot write ",
          name, ": ", reason(out));
}

void write_all(const Path& path, const Path& folder, const std::vector<std::string>& names) {
  const std::unique_ptr<archive, FreeWriter> out(archive_write_new());
  archive_write_add_filter_gzip(out.get());
  archive_write_set_filter_option(out.get(), "gzip", "timestamp", nullptr);
  // Trained weights hardly compress: a higher level costs seconds and saves a percent.
  archive_write_set_filter_option(out.get(), "gzip", "compression-level", "1");
  archive_write_set_format_ustar(out.get());
  check_write(out.get(), archive_write_open_filename(out.get(), path.c_str()), path);
  for (const std::string& name : names) add_file(out.get(), path, folder / name, name);
  check_write(out.get(), archive_write_close(out.get()), path);
}

}  // namespace

Files read_archive(const Path& path, const std::function<bool(const std::string& name)>& is_wanted) {
  ArchiveReader reader(path);
  Files files;
  while (archive_entry* entry = reader.next()) {
    const std::string name = reader.flat_name(entry);
    if (name.empty() || !is_wanted(name)) continue;
    require(!files.contains(name), ErrorKind::kData, path.string(), ": entry \"", name, "\" stands twice");
    files[name] = reader.read(entry, name);
  }
  return files;
}

void write_archive(const Path& path, const Path& folder, const std::vector<std::string>& names) {
  const Path writing = path.string() + cat(".writing-", ::getpid());
  try {
    write_all(writing, folder, names);
    sync_path(writing);
    fs::rename(writing, path);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove(writing, ignored);
    fail(ErrorKind::kIo, path.string(), ": cannot write: ", error.what());
  } catch (...) {
    std::error_code ignored;
    fs::remove(writing, ignored);
    throw;
  }
  sync_path(fs::absolute(path).parent_path());
}

}  // namespace lockstep::model

#include "checkpoint_folder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/model/checkpoint.h"

namespace lockstep::model::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kComplete = "step-";
constexpr std::string_view kWriting = ".writing-";
constexpr std::string_view kReplaced = ".replaced-";
constexpr std::string_view kRemoving = ".removing-";
constexpr const char* kLatest = "latest";
constexpr std::string_view kWritingLatest = "latest.tmp-";  // of write_atomic()
constexpr auto kAbandoned = std::chrono::hours(1);

/// Turns the library's exceptions into io Errors that say what was being done.
template <class Action>
auto guarded(const std::string& doing, Action action) {
  try {
    return action();
  } catch (const fs::filesystem_error& error) {
    fail(ErrorKind::kIo, "cannot ", doing, ": ", error.what());
  }
}

/// The step of a complete checkpoint's folder name, or nothing.
std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kComplete)) return std::nullopt;
  const auto step = parse_integer(name.substr(kComplete.size()));
  return step && *step >= 0 && name == name_of(*step) ? std::optional<int64_t>(*step) : std::nullopt;
}

std::string latest_text(const std::string& name) { return name + "\n"; }

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// A temporary name of our own process is one of an earlier life: nobody else of us is writing.
bool is_alive(std::string_view pid_text) {
  const auto pid = parse_integer(pid_text);
  if (!pid || *pid <= 0 || *pid == ::getpid()) return false;
  return ::kill(static_cast<pid_t>(*pid), 0) == 0 || errno == EPERM;
}

bool is_leftover(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (name.starts_with(kRemoving)) return true;
  if (name.starts_with(kWritingLatest)) return !is_alive(std::string_view(name).substr(kWritingLatest.size()));
  if (!name.starts_with(kWriting)) return false;
  const std::vector<std::string> parts = split(name, '@');  // .writing-step-000000123, host, pid
  if (parts.size() != 3 || parts[1] == host_name()) return !is_alive(parts.back());
  return fs::file_time_type::clock::now() - entry.last_write_time() > kAbandoned;
}

std::vector<fs::directory_entry> list(const Path& folder) {
  return guarded("list " + folder.string(), [&] {
    const fs::directory_iterator entries(folder);
    return std::vector<fs::directory_entry>(fs::begin(entries), fs::end(entries));
  });
}

/// The name of a checkpoint that was set aside, back to what it was.
std::string original_name(const std::string& name) { return name.substr(kReplaced.size()); }

}  // namespace

std::string name_of(int64_t step) { return format("step-%09lld", static_cast<long long>(step)); }

std::vector<Entry> list_complete(const Path& folder) {
  std::vector<Entry> found;
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return found;
  for (const auto& entry : list(folder)) {
    const std::string name = entry.path().filename().string();
    const auto step = step_of(name.starts_with(kReplaced) ? original_name(name) : name);
    if (step && entry.is_directory(ignored)) found.push_back({*step, entry.path()});
  }
  // "step-" is behind ".replaced-" in the alphabet, and so before it here.
  std::sort(found.begin(), found.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.step, a.path) > std::pair(b.step, b.path); });
  return found;
}

std::optional<Path> read_latest(const Path& folder, std::vector<std::string>& notes) {
  const Path path = folder / kLatest;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  std::string text;
  try {
    text = read_text(path);
  } catch (const Error& error) {  // a medium that fails here may still give the checkpoints
    notes.push_back(cat(error.what(), "; the highest step counts"));
    return std::nullopt;
  }
  const std::string name = text.substr(0, text.find('\n'));
  if (!step_of(name) || text != latest_text(name))
    notes.push_back(path.string() + " is damaged; the highest step counts");
  else if (!fs::is_directory(folder / name, ignored))
    notes.push_back(cat(path.string(), " names ", name, ", which is not there; the highest step counts"));
  else
    return folder / name;
  return std::nullopt;
}

void make_folder(const Path& folder) {
  guarded("create " + folder.string(), [&] {
    std::vector<Path> missing;
    for (Path path = fs::absolute(folder).lexically_normal(); !fs::exists(path); path = path.parent_path())
      missing.push_back(path);
    fs::create_directories(folder);
    for (auto path = missing.rbegin(); path != missing.rend(); ++path) sync_path(path->parent_path());
  });
}

void clear_leftovers(const Path& folder) {
  guarded("clear " + folder.string(), [&] {
    std::vector<Path> leftovers;
    bool restored = false;
    for (const auto& entry : list(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(kReplaced) && !fs::exists(folder / original_name(name))) {
        fs::rename(entry.path(), folder / original_name(name));
        restored = true;
      } else if (name.starts_with(kReplaced) || is_leftover(entry)) {
        leftovers.push_back(entry.path());
      }
    }
    // The disk may not know yet that another folder has taken the name of this one.
    if (restored || !leftovers.empty()) sync_path(folder);
    for (const Path& leftover : leftovers) fs::remove_all(leftover);
  });
}

Path writing_path(const Path& folder, int64_t step) {
  return folder / cat(kWriting, name_of(step), "@", host_name(), "@", ::getpid());
}

void put_in_place(const Path& written, const Path& folder, int64_t step) {
  const Path place = folder / name_of(step);
  guarded("publish " + place.string(), [&] {
    if (!fs::exists(place)) return fs::rename(written, place);
    if (::renameat2(AT_FDCWD, written.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) == 0) return;
    const int reason = errno;
    require(reason == EINVAL || reason == ENOSYS || reason == EOPNOTSUPP, ErrorKind::kIo, place.string(),
            ": cannot replace: ", std::strerror(reason));
    const Path aside = folder / cat(kReplaced, name_of(step));
    fs::rename(place, aside);
    fs::rename(written, place);
  });
}

void write_latest(const Path& folder, int64_t step) { write_atomic(folder / kLatest, latest_text(name_of(step))); }

void remove_checkpoints(const Path& folder, const std::vector<Path>& doomed) {
  if (doomed.empty()) return;
  guarded("delete " + doomed.front().string(), [&] {
    std::vector<Path> renamed;
    for (const Path& path : doomed) {
      renamed.push_back(folder / cat(kRemoving, path.filename().string()));
      fs::rename(path, renamed.back());
    }
    sync_path(folder);
    for (const Path& path : renamed) fs::remove_all(path);
  });
}

}  // namespace lockstep::model::checkpoint

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/track/events.h"

namespace lockstep::track {

namespace {

bool is_kept(std::string_view line, int64_t last_step, const std::string& again) {
  const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) return false;
  const auto step = event.find("step");
  if (step == event.end() || !step->is_number()) return true;
  const auto last = static_cast<double>(last_step);
  const auto name = event.find("event");
  const bool comes_again = !again.empty() && name != event.end() && *name == again;
  return comes_again ? step->get<double>() < last : step->get<double>() <= last;
}

// What an earlier process wrote after its last checkpoint will be written again.
void trim(const Path& path, int64_t last_step, const std::string& again) {
  const std::string text = read_text(path);
  std::string kept;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (const std::string_view line(&text[begin], end - begin); is_kept(line, last_step, again))
      kept.append(line) += '\n';
  if (kept != text) write_atomic(path, kept);
}

}  // namespace

EventLog::EventLog(const Path& path, int64_t last_step, const std::string& again) : path_(path) {
  if (std::filesystem::is_regular_file(path)) trim(path, last_step, again);
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  require(fd_ >= 0, ErrorKind::kIo, "cannot open ", path.string(), " for writing: ", std::strerror(errno));
}

EventLog::~EventLog() { ::close(fd_); }

void EventLog::write(const Event& event) {
  const std::string line = event.json() + '\n';
  ssize_t written;
  do written = ::write(fd_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) return;

  std::string reason = written < 0 ? std::strerror(errno) : "only a part of the line fitted";
  if (written > 0 && ::ftruncate(fd_, ::lseek(fd_, 0, SEEK_END) - written) != 0) reason += " and stays torn";
  if (!warned_)
    log::warning("cannot write to ", path_.string(), ": ", reason, "; the run goes on without these events");
  warned_ = true;
}

}  // namespace lockstep::track

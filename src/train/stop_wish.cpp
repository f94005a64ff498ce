#include "stop_wish.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "stop_signal.h"

namespace lockstep::train {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr double kLeast = 15;                // seconds kept for a save, however fast saves were
constexpr auto kLook = milliseconds(5000);   // between two looks at the notice
constexpr auto kBreath = milliseconds(100);  // between two looks whether to leave

/// "12:00:00" or "1-12:00:00".
std::optional<double> parse_clock(std::string_view text) {
  double seconds = 0;
  if (const size_t dash = text.find('-'); dash != std::string_view::npos) {
    const auto days = parse_integer(text.substr(0, dash));
    if (!days || *days < 0) return std::nullopt;
    seconds = 86400.0 * static_cast<double>(*days);
    text.remove_prefix(dash + 1);
  }
  const auto fields = split(text, ':');
  if (fields.size() != 3) return std::nullopt;
  double unit = 3600;
  for (const std::string& field : fields) {
    const auto value = parse_integer(field);
    if (!value || *value < 0) return std::nullopt;
    seconds += unit * static_cast<double>(*value);
    unit /= 60;
  }
  return seconds;
}

double unit_seconds(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

/// What squeue prints of the time left, "1-02:03:04" or "12:34": seconds. Nothing where there is no limit.
std::optional<double> parse_time_left(std::string_view text) {
  if (text.find('-') != std::string_view::npos || split(text, ':').size() == 3) return parse_clock(text);
  return parse_clock(cat("0:", text));
}

struct Close {
  void operator()(FILE* file) const { ::pclose(file); }
};

/// The environment names the end of the job since Slurm 23.02. Before that one rank asks for all.
std::optional<double> ask_slurm_for_time_left() {
  const char* const job = std::getenv("SLURM_JOB_ID");
  const char* const rank = std::getenv("OMPI_COMM_WORLD_RANK");
  const char* const task = rank ? rank : std::getenv("SLURM_PROCID");
  if (!job || !parse_integer(job) || !task || std::string_view(task) != "0") return std::nullopt;
  const std::string command = cat("squeue --noheader --format=%L --jobs=", job, " 2>/dev/null");
  const std::unique_ptr<FILE, Close> answer(::popen(command.c_str(), "re"));
  char text[64] = "";
  if (!answer || !std::fgets(text, sizeof text, answer.get())) return std::nullopt;
  return parse_time_left(trim(text));
}

/// Unix time at which Slurm ends the job.
std::optional<std::chrono::system_clock::time_point> slurm_end() {
  using Clock = std::chrono::system_clock;
  if (const char* text = std::getenv("SLURM_JOB_END_TIME"))
    if (const auto seconds = parse_integer(text)) return Clock::time_point(std::chrono::seconds(*seconds));
  if (const auto left = ask_slurm_for_time_left())
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(duration<double>(*left));
  return std::nullopt;
}

bool is_noticed(const std::string& notice) {
  if (notice.find(' ') != std::string::npos) return std::system((notice + " >/dev/null 2>&1").c_str()) == 0;
  std::error_code ignored;
  return std::filesystem::exists(notice, ignored);
}

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  double seconds = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find_first_not_of("0123456789.", begin);
    if (end == std::string_view::npos) return std::nullopt;
    const auto value = parse_number(text.substr(begin, end - begin));
    const double unit = unit_seconds(text[end]);
    if (!value || unit == 0) return std::nullopt;
    seconds += *value * unit;
    begin = end + 1;
  }
  return seconds > 0 ? std::optional(seconds) : std::nullopt;
}

StopWish::StopWish(const Run& run) {
  if (!run.time_limit.empty()) {
    const auto limit = parse_duration(run.time_limit);
    require(limit.has_value(), ErrorKind::kUsage, "run.time_limit: \"", run.time_limit,
            "\" is no time; write it as 45m, 3h30m or 1-12:00:00");
    end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration<double>(*limit));
    end_name_ = "run.time_limit";
  }
  if (const auto end = slurm_end(); end && (!end_ || *end < *end_)) {
    end_ = end;
    end_name_ = "Slurm's time limit";
  }
  if (!run.preemption_notice.empty()) watcher_ = std::thread([this, notice = run.preemption_notice] { watch(notice); });
}

StopWish::~StopWish() {
  leaving_ = true;
  if (watcher_.joinable()) watcher_.join();
}

void StopWish::watch(const std::string& notice) {
  name_thread("notice");
  while (!leaving_ && !noticed_) {
    noticed_ = is_noticed(notice);
    for (auto slept = milliseconds(0); slept < kLook && !leaving_ && !noticed_; slept += kBreath)
      std::this_thread::sleep_for(kBreath);
  }
}

bool StopWish::wants() {
  if (!reason_.empty()) return true;
  if (stop_requested()) {
    reason_ = "a signal";
  } else if (noticed_) {
    reason_ = "run.preemption_notice";
  } else if (end_ && duration<double>(*end_ - Clock::now()).count() < std::max(kLeast, reserve_)) {
    reason_ = end_name_;
  }
  return !reason_.empty();
}

}  // namespace lockstep::train

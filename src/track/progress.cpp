#include "lockstep/track/progress.h"

#include "lockstep/core/log.h"
#include "lockstep/core/text.h"

namespace lockstep::track {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kRedraw = std::chrono::milliseconds(500);
}  // namespace

// The first line appears after one interval: work that is over by then needs none.
Progress::Progress(std::string what, int64_t total, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), start_(Clock::now()), drawn_(start_) {}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, const std::string& more) {
  done_ = done;
  const auto now = Clock::now();
  if (now - drawn_ < kRedraw) return;
  drawn_ = now;
  log::status(line(more));
}

void Progress::finish() {
  if (drawn_ == start_) return;
  log::status("");
  drawn_ = start_;
}

double Progress::rate() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return seconds > 0 ? static_cast<double>(done_) / seconds : 0;
}

std::string Progress::line(const std::string& more) const {
  const double speed = rate();
  std::string text = cat(what_, "  ", done_);
  if (total_ > 0) text += cat("/", total_, "  ", done_ * 100 / total_, "%");
  text += format("  %.*f %s/s", speed < 10 ? 1 : 0, speed, unit_.c_str());
  if (total_ > done_ && speed > 0) text += cat("  ETA ", duration_text(static_cast<double>(total_ - done_) / speed));
  return more.empty() ? text : cat(text, "  ", more);
}

}  // namespace lockstep::track

#include "lockstep/core/log.h"

#include <iostream>
#include <mutex>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "lockstep/core/error.h"

namespace lockstep::log {
namespace {

/// The state of the one log of the process; guarded by `mutex`.
struct Log {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> out, err;  // empty before start()
  std::string rank_prefix;
  bool quiet = false;         // a rank other than 0: information is not printed
  bool status_shown = false;  // a status line stands on the terminal
};

Log& instance() {
  static Log log;
  return log;
}

// The level in capitals, as Python's logging writes it.
class CapitalLevel : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
    const std::string_view name = message.level == spdlog::level::warn  ? "WARNING"
                                  : message.level == spdlog::level::err ? "ERROR"
                                                                        : "INFO";
    to.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<CapitalLevel>(); }
};

std::shared_ptr<spdlog::logger> make_logger(const char* name, std::vector<spdlog::sink_ptr> sinks) {
  auto logger = std::make_shared<spdlog::logger>(name, sinks.begin(), sinks.end());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<CapitalLevel>('*').set_pattern("[%m/%d/%Y %H:%M:%S %* %t] %v");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::info);
  return logger;
}

void clear_status(Log& log) {
  if (std::exchange(log.status_shown, false)) std::cerr << "\r\033[K" << std::flush;
}

void write(spdlog::level::level_enum level, const std::string& line) {
  Log& log = instance();
  std::lock_guard lock(log.mutex);
  if (log.quiet && level == spdlog::level::info) return;
  clear_status(log);
  if (!log.out) {
    const char* word = level == spdlog::level::warn ? "warning: " : level == spdlog::level::err ? "error: " : "";
    std::cerr << word << line << std::endl;
  } else if (level == spdlog::level::info) {
    log.out->log(level, line);
  } else {
    log.err->log(level, log.rank_prefix + line);
  }
}

}  // namespace

void start(int rank, int size, const std::string& file) {
  Log& log = instance();
  std::lock_guard lock(log.mutex);
  log.quiet = rank != 0;
  log.rank_prefix = size > 1 ? cat("[rank ", rank, "] ") : "";
  std::vector<spdlog::sink_ptr> out{std::make_shared<spdlog::sinks::stdout_sink_mt>()};
  std::vector<spdlog::sink_ptr> err{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  if (!file.empty()) {
    try {
      auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
      out.push_back(sink);
      err.push_back(sink);
    } catch (const spdlog::spdlog_ex& reason) {
      fail(ErrorKind::kIo, file, ": cannot open the log: ", reason.what());
    }
  }
  log.out = make_logger("out", out);
  log.err = make_logger("err", err);
}

void write_info(const std::string& line) { write(spdlog::level::info, line); }
void write_warning(const std::string& line) { write(spdlog::level::warn, line); }
void write_error(const std::string& line) { write(spdlog::level::err, line); }

void status(const std::string& line) {
  Log& log = instance();
  std::lock_guard lock(log.mutex);
  if (log.quiet || !::isatty(STDERR_FILENO)) return;
  clear_status(log);
  if (line.empty()) return;
  std::cerr << line << std::flush;
  log.status_shown = true;
}

}  // namespace lockstep::log

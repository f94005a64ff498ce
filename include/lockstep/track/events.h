#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::track {

/// One JSON object: keys in the order in which they were set; a key set again keeps its place and changes its value.
/// Numbers are written so that they read back equal; a number that is not finite is written as null, bytes that are not
/// UTF-8 as U+FFFD.
class Event {
 public:
  Event() = default;
  /// {"event": name}
  explicit Event(const std::string& name) { set("event", name); }
  Event& set(const std::string& key, double value);
  Event& set(const std::string& key, int64_t value);
  Event& set(const std::string& key, int value) { return set(key, int64_t{value}); }
  Event& set(const std::string& key, bool value);
  Event& set(const std::string& key, const std::string& value);
  Event& set(const std::string& key, const char* value) { return set(key, std::string(value)); }
  Event& set(const std::string& key, const Event& object);
  Event& set(const std::string& key, const std::vector<double>& values);
  Event& set(const std::string& key, const std::vector<int64_t>& values);
  Event& set(const std::string& key, const std::vector<std::string>& values);
  Event& set(const std::string& key, const std::vector<std::vector<int64_t>>& rows);
  Event& set(const std::string& key, const std::vector<Event>& objects);
  std::string json() const;            ///< one line
  std::string json(int indent) const;  ///< for files that people open: indented, lists of plain values on one line

 private:
  std::vector<std::pair<std::string, std::string>> fields_;  // key, value as JSON
};

/// Appends events to a file, one JSON object a line, each line in one write. A failed write is logged once and the run
/// goes on; what it left of its line is taken back. One thread.
class EventLog {
 public:
  /// Appends. What a run that was cut off and goes on behind `last_step` will write again is dropped first: lines of
  /// later steps, and events named `again` of that step itself; and so are lines torn by a crash. Throws an io Error
  /// when the file cannot be opened.
  EventLog(const Path& path, int64_t last_step, const std::string& again = "");
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  void write(const Event& event);

 private:
  Path path_;
  int fd_ = -1;
  bool warned_ = false;
};

}  // namespace lockstep::track

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lockstep::track {

/// One line for long work: "packing  1200/5000  24%  812 images/s  ETA 5 s". Redrawn at most twice a second on a
/// terminal, silent elsewhere. One thread.
class Progress {
 public:
  Progress(std::string what, int64_t total, std::string unit = "images");
  ~Progress();
  void update(int64_t done, const std::string& more = "");
  void finish();        ///< clears the line
  double rate() const;  ///< units a second since the beginning
  std::string line(
      const std::string& more = "") const;  ///< what update() draws; without a total only the count and the rate

 private:
  std::string what_, unit_;
  int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
};

}  // namespace lockstep::track

#include "circumstances.h"

#include <fstream>
#include <vector>

#include <nlohmann/json.hpp>

#include "lockstep/core/text.h"
#include "lockstep/train/versions.h"

namespace lockstep::train {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  return "unknown";
}

nlohmann::ordered_json circumstances(const Job& job) {
  return {
      {"program", describe_program()}, {"processor", processor()},    {"device", job.compute.gpu < 0 ? "cpu" : "gpu"},
      {"ranks", job.launch.size},      {"hosts", job.launch.hosts()}, {"compute_threads", job.threads}};
}

}  // namespace

std::string circumstances_text(const Job& job) { return circumstances(job).dump(2) + "\n"; }

std::string describe_changed_circumstances(const std::string& before, const Job& job) {
  const auto saved = nlohmann::ordered_json::parse(before, nullptr, false);
  if (!saved.is_object()) return "";
  const auto now = circumstances(job);
  std::vector<std::string> changes;
  for (const auto& [name, value] : now.items())
    if (const auto found = saved.find(name); found != saved.end() && *found != value)
      changes.push_back(cat(name, ": ", found->dump(), " -> ", value.dump()));
  if (changes.empty()) return "";
  return cat("the run goes on under other circumstances (", join(changes, "; "),
             "), and no longer bit for bit as it would have; samples and order stay the same");
}

}  // namespace lockstep::train

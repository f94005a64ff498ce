#include "plan_cache.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <span>
#include <type_traits>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/log.h"

namespace lockstep::nn {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "lockstep cuDNN plans 1";
constexpr std::array kParts = {"forward", "data_gradient", "weight_gradient"};
constexpr std::array kNumbers = {"float32", "tf32", "bfloat16", "float16"};

template <size_t n>
std::string by(const std::array<int64_t, n>& sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string file_name(const PlanMachine& machine) {
  std::string name = "cudnn";
  bool is_word = false;
  for (const char c : lower(machine.gpu)) {
    const bool was_word = std::exchange(is_word, std::isalnum(static_cast<unsigned char>(c)) != 0);
    if (is_word) name += was_word ? std::string(1, c) : std::string("-") + c;
  }
  return cat(name, '-', machine.cudnn, '-', machine.driver, ".jsonl");
}

/// Holds a lock against other processes and threads while it lives; nothing where the file system has none.
class FileLock {
 public:
  explicit FileLock(const Path& path) : fd_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (fd_ >= 0) ::flock(fd_, LOCK_EX);
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

Json to_json(const std::string& key, const PlanChoice& choice) {
  Json knobs = Json::array();
  for (const auto& [knob, value] : choice.knobs) knobs.push_back({knob, value});
  return {{"problem", key},
          {"engine", choice.engine},
          {"knobs", std::move(knobs)},
          {"workspace", choice.workspace_bytes},
          {"milliseconds", choice.milliseconds}};
}

PlanChoice choice_of(const Json& line) {
  PlanChoice choice{.engine = line.at("engine").get<int64_t>(),
                    .workspace_bytes = line.at("workspace").get<int64_t>(),
                    .milliseconds = line.at("milliseconds").get<double>()};
  for (const Json& knob : line.at("knobs"))
    choice.knobs.emplace_back(knob.at(0).get<int64_t>(), knob.at(1).get<int64_t>());
  return choice;
}

}  // namespace

std::array<int64_t, 4> ConvolutionProblem::output() const {
  std::array<int64_t, 4> sizes{input[0], weight[0], 0, 0};
  for (size_t i = 0; i < 2; ++i)
    sizes[i + 2] = (input[i + 2] + 2 * pad[i] - dilation[i] * (weight[i + 2] - 1) - 1) / stride[i] + 1;
  return sizes;
}

size_t ProblemHash::operator()(const ConvolutionProblem& problem) const {
  static_assert(std::has_unique_object_representations_v<ConvolutionProblem>);
  return hash(std::as_bytes(std::span(&problem, 1)));
}

std::string key_text(const ConvolutionProblem& problem) {
  return cat(kParts[static_cast<size_t>(problem.part)], " input=", by(problem.input), " weight=", by(problem.weight),
             " stride=", by(problem.stride), " pad=", by(problem.pad), " dilation=", by(problem.dilation),
             " groups=", problem.groups(), ' ', kNumbers[static_cast<size_t>(problem.number)],
             problem.deterministic ? " deterministic" : "");
}

std::vector<PlanChoice> shortlist(const std::vector<PlanChoice>& recommended) {
  constexpr size_t kBest = 8, kAll = 16;
  std::vector<PlanChoice> chosen;
  for (const PlanChoice& choice : recommended) {
    const bool is_known = std::ranges::any_of(chosen, [&](const PlanChoice& other) {
      return other.engine == choice.engine && (chosen.size() >= kBest || other.knobs == choice.knobs);
    });
    if (!is_known && chosen.size() < kAll) chosen.push_back(choice);
  }
  return chosen;
}

PlanCache::PlanCache(const Path& folder, PlanMachine machine) : machine_(std::move(machine)) {
  if (folder.empty()) return;
  path_ = folder / file_name(machine_);
  choices_ = read();
  read_count_ = choices_.size();
}

std::optional<PlanChoice> PlanCache::find(const std::string& key) const {
  const auto found = choices_.find(key);
  return found == choices_.end() ? std::nullopt : std::optional(found->second);
}

void PlanCache::add(const std::string& key, PlanChoice choice) {
  added_[key] = choice;
  choices_[key] = std::move(choice);
}

void PlanCache::store() {
  if (added_.empty() || path_.empty()) return;
  try {
    std::filesystem::create_directories(path_.parent_path());
    const FileLock others(path_.string() + ".lock");
    Choices merged = added_;
    merged.merge(read());
    write_atomic(path_, text_of(merged));
  } catch (const std::exception& error) {
    warn(cat("cannot be written, its plans are measured again by the next run: ", error.what()));
  }
  added_.clear();
}

std::string PlanCache::text_of(const Choices& choices) const {
  constexpr auto kReplace = Json::error_handler_t::replace;
  std::string lines;
  for (const auto& [key, choice] : choices) lines += to_json(key, choice).dump(-1, ' ', false, kReplace) + '\n';
  const Json head = {{"format", kFormat},
                     {"gpu", machine_.gpu},
                     {"cudnn", machine_.cudnn},
                     {"driver", machine_.driver},
                     {"hash", hash_text(hash(std::string_view(lines)))}};
  return head.dump(-1, ' ', false, kReplace) + '\n' + lines;
}

PlanCache::Choices PlanCache::parse(std::string_view text) const {
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view lines = text.substr(std::min(text.size(), first.size() + 1));
  const Json head = Json::parse(first);
  require(head.at("format") == kFormat && head.at("gpu") == machine_.gpu && head.at("cudnn") == machine_.cudnn &&
              head.at("driver") == machine_.driver,
          ErrorKind::kData, "it was written for another machine or by another version");
  require(head.at("hash") == hash_text(hash(lines)), ErrorKind::kData, "it is damaged");
  Choices choices;
  for (const std::string& line : split(lines, '\n')) {
    if (line.empty()) continue;
    const Json json = Json::parse(line);
    choices[json.at("problem").get<std::string>()] = choice_of(json);
  }
  return choices;
}

PlanCache::Choices PlanCache::read() const {
  std::error_code absent;
  if (!std::filesystem::exists(path_, absent)) return {};
  try {
    return parse(read_text(path_));
  } catch (const std::exception& error) {
    warn(cat("is ignored: ", error.what()));
    return {};
  }
}

void PlanCache::warn(const std::string& reason) const {
  if (!std::exchange(warned_, true)) log::warning(path_.string(), " (plans of convolutions) ", reason);
}

}  // namespace lockstep::nn

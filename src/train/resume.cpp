#include "resume.h"

#include <algorithm>
#include <filesystem>

#include "circumstances.h"
#include "lockstep/core/error.h"
#include "lockstep/model/checkpoint.h"
#include "lockstep/model/mxnet.h"

namespace lockstep::train {
namespace {

/// The checkpoint that the configuration means; notes: what was passed over. Rank 0 alone.
std::optional<model::checkpoint::Loaded> look(const Config& config, std::vector<std::string>& notes) {
  const Path folder = Path(config.run.output) / "checkpoints";
  const std::string& how = config.run.resume;
  if (how == "auto" || how == "must") {
    auto newest = model::checkpoint::load_newest(folder, notes);
    require(newest || how == "auto", ErrorKind::kUsage, "run.resume: must, but ", folder.string(),
            " holds no checkpoint");
    return newest;
  }
  const auto latest = model::checkpoint::find_latest(folder);
  if (how == "never") {
    require(!latest.has_value(), ErrorKind::kUsage, "run.resume: never, but ", config.run.output,
            " holds a run; choose another run.output, or remove that folder");
    return std::nullopt;
  }
  require(!latest.has_value(), ErrorKind::kUsage, "run.resume: ", how, " goes on in a new folder, but ",
          config.run.output, " holds a run already; choose another run.output");
  const Path named(how);
  require(std::filesystem::exists(named / "state.json"), ErrorKind::kUsage, "run.resume: ", how,
          " is no checkpoint (no state.json in it)");
  return model::checkpoint::Loaded{named, model::checkpoint::load(named)};
}

/// Rank 0 alone reads and writes the folder. Where the hosts share no disk and another one comes first than before, the
/// run would begin again, or go on from an older checkpoint, and nobody would know.
void require_newest_on_rank_0(const Config& config, comm::Communicator& communicator) {
  if (config.run.resume != "auto" && config.run.resume != "must") return;
  const auto latest = model::checkpoint::find_latest(Path(config.run.output) / "checkpoints");
  const auto all = comm::gather_texts(communicator, latest ? latest->filename().string() : "");
  const auto newest = std::max_element(all.begin(), all.end());  // names are in the order of steps
  if (*newest == all[0]) return;
  const auto hosts = comm::gather_texts(communicator, communicator.launch().host);
  const std::string& there = hosts[static_cast<size_t>(newest - all.begin())];
  fail(ErrorKind::kUsage, "run.output: ", config.run.output, " holds ", *newest, " on ", there, ", but ",
       all[0].empty() ? "no checkpoint" : all[0], " on ", hosts[0], ", whose rank 0 reads and writes for all; name ",
       there, " first among the hosts, copy the folder to ", hosts[0], ", or remove it where it is not wanted");
}

/// A text of rank 0 on every rank.
void share_text(std::string& text, comm::Communicator& communicator) {
  if (communicator.rank() != 0) text.clear();
  text = comm::gather_texts(communicator, text).at(0);
}

void compare_configs(const Job& job, const std::string& saved_yaml, std::vector<std::string>& notes) {
  const Config saved = load_config_text(saved_yaml, "the checkpoint's config.yaml").config;
  std::vector<std::string> refused;
  for (const Difference& difference : differences(saved, job.config)) {
    const std::string text = cat(difference.key, ": ", difference.before, " -> ", difference.after);
    // Other epochs extend or shorten the run: that is what starting again is for.
    if (difference.on_resume == OnResume::kRefused) refused.push_back(text);
    if (difference.on_resume == OnResume::kWarned) notes.push_back(cat("the run goes on with a changed key: ", text));
  }
  require(refused.empty(), ErrorKind::kUsage, "the run in ", job.config.run.output,
          " cannot go on with other settings (", join(refused, "; "), "); undo them, or choose another run.output");
}

}  // namespace

model::Card Resume::card() const {
  return model::parse_card(content.texts.at("card.json"), (path / "card.json").string());
}

model::Graph Resume::graph() const {
  return model::parse_symbol(content.texts.at("symbol.json"), (path / "symbol.json").string());
}

std::optional<Resume> find_resume(const Config& config, comm::Communicator& communicator) {
  require_newest_on_rank_0(config, communicator);
  Resume found;
  if (communicator.rank() == 0)
    if (auto loaded = look(config, found.notes)) {
      found.path = std::move(loaded->path);
      found.content = std::move(loaded->content);
    }
  std::string path = found.path.string();
  share_text(path, communicator);
  if (path.empty()) return std::nullopt;
  found.path = path;
  for (const char* name : {"config.yaml", "card.json", "symbol.json"})
    share_text(found.content.texts[name], communicator);
  return found;
}

void resume(Job& job, const Resume& from, comm::Communicator& communicator) {
  job.notes.insert(job.notes.end(), from.notes.begin(), from.notes.end());
  compare_configs(job, from.content.texts.at("config.yaml"), job.notes);
  if (communicator.rank() == 0) job.state = from_checkpoint(from.content, job.learner);
  share_state(job.state, job.learner, communicator);
  if (const auto text = from.content.texts.find("circumstances.json"); text != from.content.texts.end())
    if (const std::string note = describe_changed_circumstances(text->second, job); !note.empty())
      job.notes.push_back(note);
  if (job.config.channels.model.given())
    job.notes.emplace_back("channels.model is ignored: the run goes on from its own checkpoint");
  job.notes.push_back(
      cat("going on from ", from.path.string(), " behind epoch ", job.state.epoch, ", step ", job.state.step));
}

}  // namespace lockstep::train

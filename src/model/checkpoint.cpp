#include "lockstep/model/checkpoint.h"

#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/text.h"
#include "lockstep/model/mxnet.h"

// The metadata of tensors.safetensors seals the whole folder: for each tensor "tensor:" + name -> XXH3 of its name,
// type, shape and bytes; for each text "text:" + file name -> XXH3 of the text. What is not sealed, missing or
// different makes the checkpoint invalid.
namespace lockstep::model::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "step-";
constexpr const char* kTensors = "tensors.safetensors";
constexpr const char* kLatest = "latest";
// Folders with these beginnings are ours and never complete: being written, being deleted.
constexpr const char* kWriting = ".writing-";
constexpr const char* kRemoving = ".removing-";
constexpr const char* kTensorSeal = "tensor:";
constexpr const char* kTextSeal = "text:";

std::string seal_of(const Array& array) {
  return hash_text(
      hash(Bytes(array.data), hash(cat(array.name, "|", name_of(array.type), "|", shape_text(array.shape)))));
}

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
std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto step = parse_integer(std::string_view(name).substr(std::string_view(kPrefix).size()));
  return step && *step >= 0 && name == name_of(*step) ? std::optional<int64_t>(*step) : std::nullopt;
}

/// The steps of all complete checkpoints, newest first.
std::vector<int64_t> list_steps(const Path& folder) {
  return guarded("list " + folder.string(), [&] {
    std::vector<int64_t> steps;
    for (const auto& entry : fs::directory_iterator(folder))
      if (const auto step = step_of(entry.path().filename().string()); step && entry.is_directory())
        steps.push_back(*step);
    std::sort(steps.rbegin(), steps.rend());
    return steps;
  });
}

/// Renamed before it is deleted: half a checkpoint never has a complete one's name.
void remove_checkpoint(const Path& folder, const std::string& name) {
  guarded("delete " + (folder / name).string(), [&] {
    const Path doomed = folder / (kRemoving + name);
    fs::remove_all(doomed);
    fs::rename(folder / name, doomed);
    fs::remove_all(doomed);
  });
}

/// Deletes what a crash left over.
void remove_leftovers(const Path& folder) {
  guarded("clear " + folder.string(), [&] {
    std::vector<Path> leftovers;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(kWriting) || name.starts_with(kRemoving)) leftovers.push_back(entry.path());
    }
    for (const Path& leftover : leftovers) fs::remove_all(leftover);
  });
}

void write_content(const Path& folder, const Content& content) {
  Safetensors file{content.tensors, {}};
  for (const Array& array : content.tensors) file.metadata[kTensorSeal + array.name] = seal_of(array);
  for (const auto& [name, text] : content.texts) {
    require(!name.empty() && Path(name).filename() == name && name != kTensors, ErrorKind::kBug, "\"", name,
            "\" is no name for a checkpoint's file");
    file.metadata[kTextSeal + name] = hash_text(hash(text));
    FileWriter writer(folder / name);
    writer.write(text);
    writer.finish(true);
  }
  write_safetensors(folder / kTensors, file);
  sync_path(folder);
}

void publish(const Path& folder, const Path& written, const std::string& name) {
  guarded("publish " + (folder / name).string(), [&] {
    const Path replaced = folder / (kRemoving + name);
    if (fs::exists(folder / name)) fs::rename(folder / name, replaced);
    fs::rename(written, folder / name);
    fs::remove_all(replaced);
  });
  sync_path(folder);
  write_atomic(folder / kLatest, name + "\n");
}

}  // namespace

std::string name_of(int64_t step) { return format("step-%09lld", static_cast<long long>(step)); }

Path save(const Path& folder, int64_t step, const Content& content, int64_t keep) {
  require(step >= 0, ErrorKind::kBug, "a checkpoint of step ", step);
  const std::string name = name_of(step);
  const Path writing = folder / cat(kWriting, name, "-", ::getpid());
  guarded("create " + writing.string(), [&] {
    fs::create_directories(folder);
    remove_leftovers(folder);
    fs::create_directory(writing);
  });
  try {
    write_content(writing, content);
    publish(folder, writing, name);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(writing, ignored);
    throw;
  }
  int64_t others = std::max<int64_t>(keep, 1) - 1;
  for (const int64_t old : list_steps(folder))
    if (old != step && others-- <= 0) remove_checkpoint(folder, name_of(old));
  return folder / name;
}

std::optional<Path> find_latest(const Path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return std::nullopt;
  if (fs::is_regular_file(folder / kLatest, ignored)) {
    const std::string named(trim(read_text(folder / kLatest)));
    if (step_of(named) && fs::is_directory(folder / named, ignored)) return folder / named;
  }
  const std::vector<int64_t> steps = list_steps(folder);
  return steps.empty() ? std::nullopt : std::optional<Path>(folder / name_of(steps.front()));
}

Content load(const Path& checkpoint) {
  const Path tensors = checkpoint / kTensors;
  std::error_code ignored;
  require(fs::is_regular_file(tensors, ignored), ErrorKind::kData, checkpoint.string(), " is no checkpoint: it has no ",
          kTensors);
  Safetensors file = read_safetensors(tensors);
  Content content{std::move(file.arrays), {}};
  for (const Array& array : content.tensors) {
    const auto seal = file.metadata.extract(kTensorSeal + array.name);
    require(!seal.empty(), ErrorKind::kData, tensors.string(), ": tensor \"", array.name, "\" has no checksum");
    require(seal.mapped() == seal_of(array), ErrorKind::kData, tensors.string(), ": tensor \"", array.name,
            "\" is damaged: its checksum is ", seal_of(array), " instead of ", seal.mapped(),
            "; use an older checkpoint");
  }
  for (const auto& [key, seal] : file.metadata) {
    require(key.starts_with(kTextSeal), ErrorKind::kData, tensors.string(), ": \"", key, "\" is sealed but not there");
    const std::string name = key.substr(std::string_view(kTextSeal).size());
    const Path path = checkpoint / Path(name).filename();
    require(fs::is_regular_file(path, ignored), ErrorKind::kData, path.string(),
            " is missing; use an older checkpoint");
    std::string text = read_text(path);
    require(hash_text(hash(text)) == seal, ErrorKind::kData, path.string(), " is damaged: its checksum is ",
            hash_text(hash(text)), " instead of ", seal, "; use an older checkpoint");
    content.texts[name] = std::move(text);
  }
  return content;
}

}  // namespace lockstep::model::checkpoint

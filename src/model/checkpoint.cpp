#include "lockstep/model/checkpoint.h"

#include <algorithm>
#include <filesystem>

#include "checkpoint_folder.h"
#include "checkpoint_seal.h"
#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/model/mxnet.h"

// The metadata of tensors.safetensors hold "tensor:" + name -> XXH3 of the tensor's name, type, shape and bytes, so
// that a damaged file can be told by tensor.
namespace lockstep::model::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensors = "tensors.safetensors";
constexpr const char* kTensorSeal = "tensor:";

std::string seal_of(const Array& array) {
  return hash_text(
      hash(Bytes(array.data), hash(cat(array.name, "|", name_of(array.type), "|", shape_text(array.shape)))));
}

/// An upper bound: bytes, header, and the blocks that files and folders round up to.
uint64_t bytes_needed(const Content& content) {
  constexpr uint64_t kBlock = 4096, kTensorEntry = 256, kDimension = 21, kOtherEntries = 6;
  uint64_t bytes = kBlock * (content.texts.size() + kOtherEntries);
  for (const auto& [name, text] : content.texts) bytes += text.size();
  for (const Array& array : content.tensors)
    bytes += array.data.size() + 2 * array.name.size() + kDimension * array.shape.size() + kTensorEntry;
  return bytes;
}

void require_space(const Path& folder, const Content& content) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.capacity == 0) return;  // there are file systems that do not tell: the write will
  const uint64_t needed = bytes_needed(content);
  require(space.available >= needed, ErrorKind::kIo, folder.string(), ": a checkpoint of this run needs ",
          bytes_text(double(needed)), " (", needed, " bytes), and ", bytes_text(double(space.available)), " (",
          space.available, " bytes) are free there; delete something, or keep fewer checkpoints");
}

void write_content(const Path& folder, const Content& content) {
  Seals seals;
  for (const auto& [name, text] : content.texts) {
    require(!name.empty() && Path(name).filename() == name && name.find('\n') == std::string::npos &&
                name != kTensors && name != kSeal,
            ErrorKind::kBug, "\"", name, "\" is no name for a checkpoint's file");
    FileWriter writer(folder / name);
    writer.write(text);
    writer.finish(true);
    seals[name] = {hash(text), text.size()};
  }
  std::map<std::string, std::string> tensor_seals;
  for (const Array& array : content.tensors) tensor_seals[kTensorSeal + array.name] = seal_of(array);
  std::error_code ignored;
  seals[kTensors].hash = write_safetensors(folder / kTensors, content.tensors, tensor_seals);
  seals[kTensors].size = fs::file_size(folder / kTensors, ignored);
  write_seals(folder, seals);
  sync_path(folder);
  for (const auto& [name, sealed] : seals) {
    const std::string damage = find_damage(folder / name, sealed);
    require(damage.empty(), ErrorKind::kIo, damage, ", right after it was written; the disk or its driver is faulty");
  }
}

bool is_sound(const Path& checkpoint) {
  try {
    verify(checkpoint);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void delete_old(const Path& folder, int64_t saved, int64_t keep, const std::vector<int64_t>& protect) {
  std::vector<Entry> others = list_complete(folder);
  std::erase_if(others, [&](const Entry& entry) { return entry.step == saved; });
  std::stable_partition(others.begin(), others.end(), [&](const Entry& entry) { return entry.step < saved; });
  std::vector<Path> doomed;
  int64_t sound = 1;
  for (const Entry& entry : others) {
    if (sound < keep)
      sound += is_sound(entry.path);
    else if (std::find(protect.begin(), protect.end(), entry.step) == protect.end())
      doomed.push_back(entry.path);
  }
  remove_checkpoints(folder, doomed);
}

Path write_and_publish(const Path& folder, int64_t step, const Content& content) {
  make_folder(folder);
  clear_leftovers(folder);
  require_space(folder, content);
  const Path writing = writing_path(folder, step);
  try {
    make_folder(writing);
    write_content(writing, content);
    put_in_place(writing, folder, step);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(writing, ignored);
    throw;
  }
  sync_path(folder);
  write_latest(folder, step);
  clear_leftovers(folder);  // the one that was replaced
  return folder / name_of(step);
}

std::string describe_kept(const Path& folder) {
  try {
    const auto kept = find_latest(folder);
    return kept ? cat("; ", kept->string(), " is there and stays") : "; there is no checkpoint yet";
  } catch (const Error&) {
    return "";
  }
}

/// Throws when a tensor is not what its seal says.
void verify_tensors(const Safetensors& file, const Path& path) {
  for (const Array& array : file.arrays) {
    const auto seal = file.metadata.find(kTensorSeal + array.name);
    require(seal != file.metadata.end(), ErrorKind::kData, path.string(), ": tensor \"", array.name,
            "\" has no checksum; use an older checkpoint");
    require(seal->second == seal_of(array), ErrorKind::kData, path.string(), ": tensor \"", array.name,
            "\" is damaged: its checksum is ", seal_of(array), " instead of ", seal->second,
            "; use an older checkpoint");
  }
}

Arrays load_tensors(const Path& path, const Fingerprint& sealed) {
  // First of all: the bytes are mapped next, and a medium that fails then would end the process.
  const std::string damage = find_damage(path, sealed);
  std::error_code ignored;
  require(fs::is_regular_file(path, ignored), ErrorKind::kData, damage, "; use an older checkpoint");
  Safetensors file = read_safetensors(path);
  verify_tensors(file, path);
  require(damage.empty(), ErrorKind::kData, damage, "; use an older checkpoint");
  return std::move(file.arrays);
}

}  // namespace

Path save(const Path& folder, int64_t step, const Content& content, int64_t keep, const std::vector<int64_t>& protect) {
  require(step >= 0, ErrorKind::kBug, "a checkpoint of step ", step);
  try {
    const Path saved = write_and_publish(folder, step, content);
    delete_old(folder, step, keep, protect);
    return saved;
  } catch (const Error& error) {
    fail(error.kind(), error.what(), describe_kept(folder));
  }
}

std::optional<Path> find_latest(const Path& folder) {
  std::vector<std::string> notes;
  if (const auto latest = read_latest(folder, notes)) return latest;
  const std::vector<Entry> complete = list_complete(folder);
  return complete.empty() ? std::nullopt : std::optional<Path>(complete.front().path);
}

Content load(const Path& checkpoint) {
  const Seals seals = read_seals(checkpoint);
  require(seals.contains(kTensors), ErrorKind::kData, checkpoint.string(), " is no checkpoint: it has no ", kTensors);
  Content content;
  for (const auto& [name, sealed] : seals) {
    const Path path = checkpoint / Path(name).filename();
    if (name == kTensors) {
      content.tensors = load_tensors(path, sealed);
      continue;
    }
    const std::string damage = find_damage(path, sealed);
    require(damage.empty(), ErrorKind::kData, damage, "; use an older checkpoint");
    content.texts[name] = read_text(path);
  }
  return content;
}

std::optional<Loaded> load_newest(const Path& folder, std::vector<std::string>& notes) {
  std::vector<Path> candidates;
  for (const Entry& entry : list_complete(folder)) candidates.push_back(entry.path);
  if (const auto latest = read_latest(folder, notes)) {
    if (candidates.front() != *latest)
      notes.push_back(cat((folder / "latest").string(), " names ", latest->filename().string(), ", though ",
                          candidates.front().filename().string(), " is there; what it names counts"));
    std::stable_partition(candidates.begin(), candidates.end(), [&](const Path& path) { return path == *latest; });
  }
  std::vector<std::string> failures;
  for (const Path& path : candidates) {
    try {
      Loaded loaded{path, load(path)};
      for (const std::string& failure : failures) notes.push_back("a checkpoint is passed over: " + failure);
      return loaded;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData && error.kind() != ErrorKind::kIo) throw;
      failures.emplace_back(error.what());
    }
  }
  require(failures.empty(), ErrorKind::kData, "none of the ", failures.size(), " checkpoints in ", folder.string(),
          " can be read: ", join(failures, "; "), "; to begin anew, choose another folder");
  return std::nullopt;
}

}  // namespace lockstep::model::checkpoint

#include "pack_write.h"

#include "in_order.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/record/writer.h"
#include "lockstep/track/progress.h"
#include "pack_encode.h"

namespace lockstep::data {
namespace {

/// The payload of a picture, or why there is none.
struct Packed {
  std::vector<std::byte> payload;
  std::string problem;
};

Path file_of(const PackSet& set, const PackOptions& options, const char* extension) {
  return options.prefix.string() + set.suffix + extension;
}

std::string describe(const PackSet& set, const record::ListEntry& entry, const std::string& problem) {
  const std::string path = (set.root / entry.path).string();
  return problem.starts_with(path) ? problem : cat(path, ": ", problem);
}

/// Hands every picture to `take` in the order of the set, with its payload.
template <class Take>
void encode_all(const PackSet& set, const PackOptions& options, bool packed, Take&& take) {
  const auto threads = static_cast<size_t>(options.threads > 0 ? options.threads : available_cores());
  std::vector<PictureEncoder> encoders(threads, PictureEncoder(options, packed));
  const auto produce = [&](size_t worker, size_t i, Packed& item) {
    item.problem.clear();
    try {
      encoders[worker].encode(set.root, set.entries[i], item.payload);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
      item.problem = describe(set, set.entries[i], error.what());
    }
  };
  in_order<Packed>(set.entries.size(), threads, produce, take);
}

PackSummary::File summarize(const PackPlan& plan, const std::vector<record::ListEntry>& entries, const Path& path) {
  return {.records = path,
          .samples = static_cast<int64_t>(entries.size()),
          .bytes = std::filesystem::file_size(path),
          .class_counts = count_classes(entries, plan.classes.size(), plan.packed)};
}

}  // namespace

PendingFile::PendingFile(Path path) : path_(std::move(path)), pending_(path_.string() + ".unfinished") {}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)), pending_(std::move(other.pending_)) {
  other.pending_.clear();
}

PendingFile::~PendingFile() {
  if (pending_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove(pending_, ignored);
}

void PendingFile::commit() {
  std::error_code error;
  std::filesystem::rename(pending_, path_, error);
  require(!error, ErrorKind::kIo, path_.string(), ": cannot put the complete file here: ", error.message());
  pending_.clear();
}

PackSummary::File write_set_list(const PackPlan& plan, const PackSet& set, const PackOptions& options) {
  const Path path = file_of(set, options, ".lst");
  if (!set.list_exists) {
    PendingFile list(path);
    record::write_list(list.pending(), set.entries);
    list.commit();
  }
  return summarize(plan, set.entries, path);
}

PackSummary::File write_set(const PackPlan& plan, const PackSet& set, const PackOptions& options,
                            std::vector<std::string>& unreadable) {
  PendingFile records(file_of(set, options, ".rec")), index(file_of(set, options, ".idx"));
  PackSet kept{.suffix = set.suffix, .root = set.root, .entries = {}, .list_exists = set.list_exists};
  record::Writer writer(records.pending(), index.pending());
  track::Progress progress(cat("packing ", file_of(set, options, ".rec").filename().string()),
                           static_cast<int64_t>(set.entries.size()));
  const size_t unreadable_before = unreadable.size();
  encode_all(set, options, plan.packed, [&](size_t i, Packed& item) {
    if (item.problem.empty()) {
      writer.write(set.entries[i].index, item.payload);
      kept.entries.push_back(set.entries[i]);
    } else {
      require(!options.strict, ErrorKind::kData, item.problem,
              " (--strict; without it such pictures are left out and listed)");
      unreadable.push_back(item.problem);
    }
    progress.update(static_cast<int64_t>(i) + 1);
  });
  progress.finish();
  require(
      !kept.entries.empty() || set.entries.empty(), ErrorKind::kData, "none of the ", set.entries.size(),
      " pictures can be read; the first: ", unreadable.size() > unreadable_before ? unreadable[unreadable_before] : "");
  writer.finish();
  write_set_list(plan, kept, options);
  // A crash between these two leaves an index of other records, which no reader believes.
  index.commit();
  records.commit();
  return summarize(plan, kept.entries, file_of(set, options, ".rec"));
}

}  // namespace lockstep::data

#include "lockstep/data/seek_index.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <unistd.h>

#include "in_order.h"
#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/image/image.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/reader.h"
#include "lockstep/track/progress.h"
#include "seek_index_format.h"

namespace lockstep::data {
namespace {

using Clock = std::chrono::steady_clock;

/// The picture of a record; `damaged` instead of the data Error that reading it gives.
struct Picture {
  std::vector<std::byte> storage;
  std::vector<float> labels;
  Bytes bytes;
  bool damaged = false;
};

void read_picture(const record::Reader& reader, size_t i, Picture& picture) {
  picture.bytes = {};
  picture.damaged = false;
  try {
    picture.bytes = record::parse(reader.read(i, picture.storage), picture.labels).picture;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
    picture.damaged = true;
  }
}

/// Hands each record's picture, with what produce(picture, i, made) made of it, to take(i, picture damaged, made) in
/// order; hashes the whole file on the way, while its bytes are in the processor's caches.
template <class Made, class Produce, class Take>
uint64_t for_each_picture(const record::Reader& reader, Bytes records, int threads, const char* doing,
                          Produce&& produce, Take&& take) {
  struct Item {
    Picture picture;
    Made made;
  };
  Hasher whole;
  uint64_t hashed = 0;
  track::Progress progress(cat(doing, " ", reader.path().filename().string()), static_cast<int64_t>(reader.size()));
  in_order<Item>(
      reader.size(), static_cast<size_t>(std::max(1, threads)),
      [&](size_t, size_t i, Item& item) {
        read_picture(reader, i, item.picture);
        produce(item.picture, i, item.made);
      },
      [&](size_t i, Item& item) {
        const uint64_t end = i + 1 < reader.size() ? reader.offset(i + 1) : records.size();
        whole.add(records.subspan(hashed, end - hashed));
        hashed = end;
        take(i, item.picture.damaged, item.made);
        progress.update(static_cast<int64_t>(i) + 1);
      });
  progress.finish();
  return whole.value();
}

/// Seen under its name only when it is complete.
class PendingIndex {
 public:
  explicit PendingIndex(Path path) : path_(std::move(path)), pending_(cat(path_.string(), ".tmp-", ::getpid())) {}
  ~PendingIndex() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove(pending_, ignored);
  }
  PendingIndex(const PendingIndex&) = delete;
  PendingIndex& operator=(const PendingIndex&) = delete;

  const Path& pending() const { return pending_; }
  void commit() {
    std::error_code error;
    std::filesystem::rename(pending_, path_, error);
    require(!error, ErrorKind::kIo, path_.string(), ": cannot put the complete file here: ", error.message());
    done_ = true;
    sync_path(path_.has_parent_path() ? path_.parent_path() : Path("."));
  }

 private:
  Path path_, pending_;
  bool done_ = false;
};

/// Smaller pictures are decoded as fast without points, whose fixed bytes would weigh more than 1.5 % of them.
constexpr size_t kSmallestPicture = 4096;

struct Indexed {
  std::vector<std::byte> points;
  uint64_t check = 0;
};

void index_picture(const Picture& picture, Indexed& indexed) {
  indexed.points.clear();
  try {
    if (picture.bytes.size() >= kSmallestPicture) indexed.points = image::index_scan(picture.bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;  // no picture: training will say so
  }
  indexed.check = check_of(indexed.points, picture.bytes);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

Path seek_index_path(const Path& records) { return Path(records).replace_extension(".jdx"); }

SeekIndexSummary write_seek_index(const Path& records, int threads) {
  const auto begin = Clock::now();
  const record::Reader reader(records);
  const MappedFile data(records);
  SeekIndexSummary summary{
      .path = seek_index_path(records), .records = static_cast<int64_t>(reader.size()), .record_bytes = data.size()};
  PendingIndex index(summary.path);
  FileWriter writer(index.pending());
  writer.write(std::as_bytes(std::span(kSeekIndexMagic)));
  std::vector<SeekIndexEntry> table;
  SeekIndexTail tail{.records = reader.size(), .record_bytes = data.size(), .sampled_hash = sampled_hash(data.bytes())};
  tail.whole_hash = for_each_picture<Indexed>(
      reader, data.bytes(), threads, "indexing",
      [](const Picture& picture, size_t, Indexed& indexed) { index_picture(picture, indexed); },
      [&](size_t, bool damaged, const Indexed& indexed) {
        writer.write(indexed.points);
        table.push_back({writer.offset() - sizeof kSeekIndexMagic, indexed.check});
        summary.indexed += indexed.points.empty() ? 0 : 1;
        summary.unreadable += damaged ? 1 : 0;
      });
  if (summary.indexed == 0) table.clear();
  const Bytes table_bytes = std::as_bytes(std::span(table));
  tail.table_hash = hash(table_bytes);
  tail.own_hash = own_hash(tail);
  writer.write(table_bytes);
  writer.write(std::as_bytes(std::span(&tail, 1)));
  summary.bytes = writer.offset();
  writer.finish(true);
  index.commit();
  summary.seconds = seconds_since(begin);
  return summary;
}

SeekIndexSummary check_seek_index(const Path& records, int threads) {
  const auto begin = Clock::now();
  const record::Reader reader(records);
  const MappedFile data(records), file(seek_index_path(records));
  const SeekIndexParts parts = parse_seek_index(file.bytes(), data.bytes(), reader.size());
  const auto require_good = [&](bool good, const auto&... what) {
    require(good, ErrorKind::kData, file.path().string(), ": ", what..., "; make it anew: lockstep index ",
            records.string());
  };
  require_good(parts.problem.empty(), parts.problem);
  SeekIndexSummary summary{.path = file.path(),
                           .records = static_cast<int64_t>(reader.size()),
                           .bytes = file.size(),
                           .record_bytes = data.size()};
  const uint64_t whole = for_each_picture<bool>(
      reader, data.bytes(), threads, "checking",
      [&](const Picture& picture, size_t i, bool& good) {
        good = check_of(parts.points_of(i), picture.bytes) == parts.entry(i).check;
      },
      [&](size_t i, bool damaged, bool good) {
        require_good(good, "what it says of record ", i, " does not belong to that picture or is damaged");
        summary.indexed += parts.points_of(i).empty() ? 0 : 1;
        summary.unreadable += damaged ? 1 : 0;
      });
  require_good(whole == parts.tail.whole_hash, "the records have changed since it was made");
  summary.seconds = seconds_since(begin);
  return summary;
}

}  // namespace lockstep::data

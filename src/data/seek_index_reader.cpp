#include "seek_index_reader.h"

#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/data/seek_index.h"

namespace lockstep::data {

SeekIndexReader::SeekIndexReader(MappedFile file, SeekIndexParts parts, size_t record_count)
    : file_(std::move(file)), parts_(std::move(parts)), states_(std::make_unique<std::atomic<State>[]>(record_count)) {}

std::unique_ptr<SeekIndexReader> SeekIndexReader::open(const Path& records, size_t record_count) {
  const Path path = seek_index_path(records);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return nullptr;
  std::string problem;
  try {
    MappedFile file(path);
    const MappedFile data(records);
    SeekIndexParts parts = parse_seek_index(file.bytes(), data.bytes(), record_count);
    problem = parts.problem;
    // The spans go along: what is mapped stays where it is when the MappedFile moves.
    if (problem.empty())
      return std::unique_ptr<SeekIndexReader>(new SeekIndexReader(std::move(file), std::move(parts), record_count));
  } catch (const Error& unreadable) {
    problem = unreadable.what();
  }
  log::warning(path.string(), " is not used: ", problem,
               "; pictures are decoded without it. Make it anew: lockstep index ", records.string());
  return nullptr;
}

Bytes SeekIndexReader::points(size_t record, Bytes picture) const {
  const Bytes points = parts_.points_of(record);
  State state = states_[record].load(std::memory_order_relaxed);
  if (state == State::kUnknown) {
    // 0 is the check of a picture without points; then there must be none.
    state = check_of(points, picture) == parts_.entry(record).check ? State::kGood : State::kBad;
    states_[record].store(state, std::memory_order_relaxed);
    if (state == State::kBad && !warned_.exchange(true))
      log::warning(
          file_.path().string(), ": what it says of record ", record,
          " does not belong to that picture or is damaged; such pictures are decoded without it. Make it anew: "
          "lockstep index FILE.rec");
  }
  return state == State::kGood ? points : Bytes();
}

}  // namespace lockstep::data

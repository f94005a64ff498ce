#include "seek_index_format.h"

#include <algorithm>
#include <cstddef>

#include "lockstep/core/hash.h"
#include "lockstep/core/text.h"

namespace lockstep::data {
namespace {

Bytes bytes_of(const SeekIndexTail& tail) { return std::as_bytes(std::span(&tail, 1)); }

std::string problem_of(const SeekIndexTail& tail, Bytes index, Bytes records, size_t record_count) {
  constexpr size_t kFixed = sizeof kSeekIndexMagic + sizeof tail;
  if (own_hash(tail) != tail.own_hash) return "it is cut off or damaged at its end";
  if (tail.record_bytes != records.size())
    return cat("it belongs to records of ", tail.record_bytes, " bytes, these have ", records.size());
  const bool has_table = index.size() > kFixed;
  if (tail.records != record_count || (has_table && tail.records > (index.size() - kFixed) / sizeof(SeekIndexEntry)))
    return cat("it is of ", tail.records, " records, there are ", record_count);
  if (tail.sampled_hash != sampled_hash(records)) return "it belongs to other records of the same size";
  return "";
}

}  // namespace

uint64_t sampled_hash(Bytes records) {
  const size_t size = std::min(records.size(), kSampledBytes);
  return hash(records.last(size), hash(records.first(size)));
}

uint64_t own_hash(const SeekIndexTail& tail) { return hash(bytes_of(tail).first(offsetof(SeekIndexTail, own_hash))); }

uint64_t check_of(Bytes points, Bytes picture) { return points.empty() ? 0 : hash(points, hash(picture)); }

SeekIndexEntry SeekIndexParts::entry(size_t i) const {
  SeekIndexEntry entry;
  if (!table.empty()) std::memcpy(&entry, table.data() + i * sizeof entry, sizeof entry);
  return entry;
}

Bytes SeekIndexParts::points_of(size_t i) const {
  const uint64_t begin = i == 0 ? 0 : entry(i - 1).end, end = entry(i).end;
  if (begin > end || end > points.size()) return {};
  return points.subspan(begin, end - begin);
}

SeekIndexParts parse_seek_index(Bytes index, Bytes records, size_t record_count) {
  SeekIndexParts parts;
  constexpr size_t kHead = sizeof kSeekIndexMagic;
  if (index.size() < kHead + sizeof parts.tail) {
    parts.problem = "it is cut off";
    return parts;
  }
  if (std::memcmp(index.data(), kSeekIndexMagic.data(), kHead) != 0) {
    parts.problem = "it does not begin as a seek index of this version";
    return parts;
  }
  std::memcpy(&parts.tail, index.last(sizeof parts.tail).data(), sizeof parts.tail);
  parts.problem = problem_of(parts.tail, index, records, record_count);
  if (!parts.problem.empty()) return parts;
  const Bytes inside = index.subspan(kHead, index.size() - kHead - sizeof parts.tail);
  const size_t table_bytes = inside.empty() ? 0 : record_count * sizeof(SeekIndexEntry);
  parts.table = inside.last(table_bytes);
  parts.points = inside.first(inside.size() - table_bytes);
  const bool ends_well =
      parts.table.empty() ? parts.points.empty() : parts.entry(record_count - 1).end == parts.points.size();
  if (hash(parts.table) != parts.tail.table_hash || !ends_well) parts.problem = "its table is damaged";
  return parts;
}

}  // namespace lockstep::data

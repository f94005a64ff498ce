#include <cmath>
#include <map>
#include <numeric>
#include <span>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "pack_sets.h"
#include "python_random.h"

namespace lockstep::data {
namespace {

using Entries = std::vector<record::ListEntry>;

/// entries[begin, end), as far as they exist: Python's slice.
Entries slice(const Entries& entries, size_t begin, size_t end) {
  end = std::min(end, entries.size());
  begin = std::min(begin, end);
  return {entries.begin() + static_cast<std::ptrdiff_t>(begin), entries.begin() + static_cast<std::ptrdiff_t>(end)};
}

PackSet part_of(const PackSet& set, const std::string& suffix, Entries entries) {
  return {.suffix = set.suffix + suffix, .root = set.root, .entries = std::move(entries)};
}

/// im2rec's --train-ratio and --test-ratio; the shares are counted from a full chunk, rounded down.
void add_ratios(const PackSet& chunk, size_t chunk_size, const PackOptions& options, std::vector<PackSet>& sets) {
  if (options.train_ratio == 1.0) {
    sets.push_back(chunk);
    return;
  }
  const auto train = static_cast<size_t>(static_cast<double>(chunk_size) * options.train_ratio);
  const auto test = static_cast<size_t>(static_cast<double>(chunk_size) * options.test_ratio);
  if (options.test_ratio != 0) sets.push_back(part_of(chunk, "_test", slice(chunk.entries, 0, test)));
  const bool validation = options.train_ratio + options.test_ratio < 1.0;
  if (validation) sets.push_back(part_of(chunk, "_val", slice(chunk.entries, test + train, chunk.entries.size())));
  sets.push_back(part_of(chunk, "_train", slice(chunk.entries, test, test + train)));
  if (!validation && chunk.entries.size() > test + train)
    log::warning(chunk.entries.size() - test - train,
                 " pictures are in no part: im2rec rounds --train-ratio and --test-ratio down");
}

std::vector<PackSet> divide_like_im2rec(const PackSet& set, const PackOptions& options) {
  const auto chunks = static_cast<size_t>(options.chunks);
  const size_t size = (set.entries.size() + chunks - 1) / chunks;
  std::vector<PackSet> sets;
  for (size_t i = 0; i < chunks; ++i) {
    const std::string suffix = chunks > 1 ? cat("_", i) : "";
    add_ratios(part_of(set, suffix, slice(set.entries, i * size, (i + 1) * size)), size, options, sets);
  }
  return sets;
}

/// Which of train (0), validation (1) and test (2) entry `seen` of `count` of a class belongs to. Training gets at
/// least one.
size_t part_of_entry(size_t seen, size_t count, const std::vector<double>& split) {
  double end = 0;
  for (size_t part = 0; part < split.size(); ++part) {
    end += split[part];
    auto limit = static_cast<size_t>(std::llround(end * static_cast<double>(count)));
    if (part == 0) limit = std::max<size_t>(limit, 1);
    if (seen < limit) return part;
  }
  return split.size();
}

/// Each class is cut in the given proportions; several labels count as one class together.
std::vector<PackSet> split_classes(const PackSet& set, const PackOptions& options, bool shuffled) {
  std::vector<size_t> order(set.entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (!shuffled) python_shuffle(order, kIm2recSeed);
  const auto class_of = [&](size_t i) {
    return set.entries[i].labels.size() == 1 ? set.entries[i].labels.front() : 0.0f;
  };
  std::map<float, size_t> counts, seen;
  for (const size_t i : order) ++counts[class_of(i)];
  std::vector<size_t> part(order.size());
  for (const size_t i : order) part[i] = part_of_entry(seen[class_of(i)]++, counts[class_of(i)], options.split);

  std::vector<PackSet> sets;
  for (const char* suffix : {"_train", "_val", "_test"}) sets.push_back(part_of(set, suffix, {}));
  for (size_t i = 0; i < part.size(); ++i) sets[part[i]].entries.push_back(set.entries[i]);
  std::erase_if(sets, [](const PackSet& each) { return each.entries.empty(); });
  return sets;
}

/// The shards of a set differ by at most one picture.
void add_shards(PackSet set, const PackOptions& options, std::vector<PackSet>& sets) {
  const auto shards = static_cast<size_t>(options.shards);
  if (shards == 1) {
    sets.push_back(std::move(set));
    return;
  }
  const size_t count = set.entries.size();
  require(shards <= count, ErrorKind::kUsage, "--shards ", shards, " is more than the ", count, " pictures of ",
          options.prefix.string(), set.suffix);
  for (size_t i = 0; i < shards; ++i)
    sets.push_back(part_of(set, format("-%05zu-of-%05zu", i, shards),
                           slice(set.entries, i * count / shards, (i + 1) * count / shards)));
}

}  // namespace

std::vector<PackSet> divide(const PackSet& set, const PackOptions& options, bool shuffled) {
  const auto parts = options.split.empty() ? divide_like_im2rec(set, options) : split_classes(set, options, shuffled);
  std::vector<PackSet> sets;
  for (const auto& part : parts) add_shards(part, options, sets);
  return sets;
}

}  // namespace lockstep::data

#include "lockstep/data/sharded.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "channel_files.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

using nlohmann::json;

class ShardDataset : public Dataset {
 public:
  ShardDataset(std::unique_ptr<Dataset> own, size_t first, size_t total)
      : own_(std::move(own)), first_(first), total_(total) {
    require(first_ + own_->size() <= total_, ErrorKind::kBug, "samples ", first_, " to ", first_ + own_->size(), " of ",
            total_);
    class_names_ = own_->class_names();
    label_width_ = own_->label_width();
  }

  size_t size() const override { return total_; }
  void read(size_t i, Sample& sample) const override { own_->read(local(i), sample); }
  void read_labels(size_t i, std::vector<float>& labels) const override { own_->read_labels(local(i), labels); }
  uint64_t picture_bytes(size_t i) const override { return own_->picture_bytes(local(i)); }
  void will_read(size_t i) const override {
    if (i - first_ < own_->size()) own_->will_read(i - first_);
  }

 private:
  size_t local(size_t i) const {
    require(i - first_ < own_->size(), ErrorKind::kBug, "sample ", i, " is on another host; here are ", first_, " to ",
            first_ + own_->size());
    return i - first_;
  }

  std::unique_ptr<Dataset> own_;
  size_t first_, total_;
};

std::vector<std::string> all_names(std::span<const DatasetFacts> hosts) {
  const auto& first = hosts.front().class_names;
  if (std::ranges::all_of(hosts, [&](const auto& facts) { return facts.class_names == first; })) return first;
  std::set<std::string> names;
  for (size_t host = 0; host < hosts.size(); ++host) {
    require(!hosts[host].class_names.empty(), ErrorKind::kData, "the data of host ", host,
            " do not name their classes, those of other hosts do; give every host the .classes file");
    names.insert(hosts[host].class_names.begin(), hosts[host].class_names.end());
  }
  return {names.begin(), names.end()};
}

}  // namespace

std::unique_ptr<Dataset> place_shard(std::unique_ptr<Dataset> own, size_t first, size_t total) {
  return std::make_unique<ShardDataset>(std::move(own), first, total);
}

DatasetFacts merge_facts(std::span<const DatasetFacts> hosts) {
  require(!hosts.empty(), ErrorKind::kBug, "there are no hosts");
  DatasetFacts all;
  all.class_names = all_names(hosts);
  all.class_counts.resize(all.class_names.size());
  for (const auto& facts : hosts) {
    const auto map = map_classes(facts.class_names, all.class_names);
    all.samples += facts.samples;
    all.classes = std::max({all.classes, facts.classes, static_cast<int64_t>(all.class_names.size())});
    all.class_counts.resize(static_cast<size_t>(all.classes));
    for (size_t c = 0; c < facts.class_counts.size(); ++c)
      all.class_counts[c < map.size() ? static_cast<size_t>(map[c]) : c] += facts.class_counts[c];
  }
  return all;
}

std::string facts_text(const DatasetFacts& facts) {
  json text = {{"samples", facts.samples}, {"classes", facts.classes}, {"counts", facts.class_counts}};
  // Names need not be UTF-8, which JSON is.
  for (const auto& name : facts.class_names) text["names"].push_back(std::vector<uint8_t>(name.begin(), name.end()));
  return text.dump();
}

DatasetFacts parse_facts(const std::string& text) try {
  const json read = json::parse(text);
  DatasetFacts facts{.samples = read.at("samples"),
                     .classes = read.at("classes"),
                     .class_names = {},
                     .class_counts = read.at("counts")};
  for (const auto& name : read.value("names", std::vector<std::vector<uint8_t>>()))
    facts.class_names.emplace_back(name.begin(), name.end());
  return facts;
} catch (const json::exception& error) {
  fail(ErrorKind::kBug, "facts of another rank cannot be read: ", error.what());
}

Channel channel_of_host(const Channel& channel, int host, int hosts) {
  std::vector<std::string> files;
  for (const Path path : channel.paths) {
    std::error_code error;
    const bool is_folder = std::filesystem::is_directory(path, error);
    for (const auto& file : files_of_path(is_folder ? path / "*.rec" : path, false)) files.push_back(file);
  }
  require(static_cast<int>(files.size()) >= hosts, ErrorKind::kUsage, join(channel.paths, ", "), ": ", files.size(),
          " file(s) for ", hosts,
          " hosts that see the same ones; distribution: ShardedByS3Key needs a file for each "
          "host (lockstep pack --shards N)");
  Channel own = channel;
  own.paths.clear();
  for (size_t i = static_cast<size_t>(host); i < files.size(); i += static_cast<size_t>(hosts))
    own.paths.push_back(files[i]);
  return own;
}

}  // namespace lockstep::data

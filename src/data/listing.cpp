#include "listing.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

class ListingDataset : public Dataset {
 public:
  ListingDataset(Listing listing, const DatasetOptions& options) : listing_(std::move(listing)) {
    class_names_ = listing_.class_names;
    if (!options.multi_label) return;
    const auto named = static_cast<int64_t>(listing_.classes());
    label_width_ = static_cast<int>(class_names_.empty() ? std::max(named, options.classes) : named);
    multi_label_ = true;
  }

  size_t size() const override { return listing_.size(); }

  void read(size_t i, Sample& sample) const override {
    read_labels(i, sample.labels);
    read_picture(path_of(i), sample);
  }

  void read_labels(size_t i, std::vector<float>& labels) const override {
    require(i < size(), ErrorKind::kBug, "there is no sample ", i, " of ", size());
    const auto carried = listing_.labels_of(i);
    if (multi_label_) {
      labels.assign(static_cast<size_t>(label_width_), 0.0f);
      for (const uint32_t label : carried) labels[label] = 1;
      return;
    }
    if (carried.size() != 1)
      fail(ErrorKind::kData, listing_.place(i), ": ", carried.size(),
           " labels where one class is expected; data with several labels a picture, or none, need "
           "hyperparameters.multi_label: true");
    labels.assign(1, static_cast<float>(carried.front()));
  }

  uint64_t picture_bytes(size_t i) const override { return picture_size(path_of(i)); }
  void will_read(size_t i) const override { ask_for_picture(path_of(i)); }

 private:
  Path path_of(size_t i) const { return listing_.images / listing_.paths.at(i); }

  Listing listing_;
  bool multi_label_ = false;
};

}  // namespace

void Listing::add(std::string path, std::vector<uint32_t> labels_of_picture) {
  std::ranges::sort(labels_of_picture);
  const auto doubled = std::ranges::unique(labels_of_picture);
  labels_of_picture.erase(doubled.begin(), doubled.end());
  is_multi_label |= labels_of_picture.size() != 1;
  paths.push_back(std::move(path));
  labels.insert(labels.end(), labels_of_picture.begin(), labels_of_picture.end());
  ends.push_back(labels.size());
}

std::span<const uint32_t> Listing::labels_of(size_t i) const {
  const size_t begin = i == 0 ? 0 : ends[i - 1];
  return std::span(labels).subspan(begin, ends[i] - begin);
}

size_t Listing::classes() const {
  if (!class_names.empty() || labels.empty()) return class_names.size();
  return *std::ranges::max_element(labels) + size_t{1};
}

std::string Listing::place(size_t i) const {
  return cat(source.string(), lines.empty() ? "" : cat(":", lines[i]), " (", paths[i], ")");
}

ListingSource listing_source(const DatasetOptions& options) {
  const std::string channel = "channels." + options.role;
  require(options.channel.paths.size() == 1, ErrorKind::kUsage, channel, ": ", join(options.channel.paths, ", "),
          " are several paths; a list goes with one folder");
  const Path path = options.channel.paths.front();
  if (!options.list.given()) return {.file = path, .images = {}};
  require(options.list.paths.size() == 1, ErrorKind::kUsage, channel, "_lst: ", join(options.list.paths, ", "),
          " are several paths; exactly one list is expected");
  require(std::filesystem::is_directory(path), ErrorKind::kUsage, channel, ": ", path.string(),
          " is not a folder; with ", channel, "_lst it is the folder that the paths of the list are relative to");
  return {.file = options.list.paths.front(), .images = path};
}

bool is_listed_by(const DatasetOptions& options, std::string_view extension) {
  const Channel& channel = options.list.given() ? options.list : options.channel;
  return channel.paths.size() == 1 && lower(Path(channel.paths.front()).extension().string()) == extension &&
         !std::filesystem::is_directory(channel.paths.front());
}

std::unique_ptr<Dataset> make_dataset(Listing listing, const DatasetOptions& options) {
  return std::make_unique<ListingDataset>(std::move(listing), options);
}

}  // namespace lockstep::data

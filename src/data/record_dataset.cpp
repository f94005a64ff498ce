#include <algorithm>
#include <optional>
#include <set>

#include "class_names.h"
#include "formats.h"
#include "label_rule.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/reader.h"
#include "read_ahead.h"
#include "seek_index_reader.h"

namespace lockstep::data {
namespace {

bool is_record_file(const Path& path) { return lower(path.extension().string()) == ".rec"; }

std::vector<Path> record_files_in(const Path& folder) {
  std::vector<Path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (is_record_file(entry->path()) && entry->is_regular_file(error)) files.push_back(entry->path());
  std::ranges::sort(files);
  return files;
}

/// A folder stands for its .rec files when they are one file or the shards of one; which of several to take is not
/// guessed.
std::vector<Path> files_of_channel(const DatasetOptions& options) {
  std::vector<Path> files;
  for (const Path path : options.channel.paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const auto inside = record_files_in(path);
    std::set<std::string> prefixes;
    for (const auto& file : inside) prefixes.insert(shard_prefix(file));
    require(prefixes.size() == 1, ErrorKind::kUsage, "channels.", options.role, ": ", path.string(),
            " holds the records of ", join(std::vector(prefixes.begin(), prefixes.end()), ", "),
            "; name the .rec file that is meant");
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

/// Sample ids run through the files in the order in which they are given.
class RecordDataset : public Dataset {
 public:
  explicit RecordDataset(const DatasetOptions& options) {
    for (const auto& file : files_of_channel(options)) {
      readers_.emplace_back(file);
      ends_.push_back(size() + readers_.back().size());
      // Without an index nothing is lost; with a false one the records may be fewer or others than were meant.
      if (const auto& note = readers_.back().index_note(); !note.empty() && note != "absent")
        log::warning(file.string(), ": its index file is not used: ", note);
      seek_indexes_.push_back(options.seek_index ? SeekIndexReader::open(file, readers_.back().size()) : nullptr);
      ahead_.emplace_back(file);
    }
    require(size() > 0, ErrorKind::kData, "channels.", options.role, ": ", join(options.channel.paths, ", "),
            " holds no records");
    class_names_ = class_names_beside(readers_.front().path());
    const LabelForm form = label_form(options, false);
    label_width_ = find_label_width(form, options);
    rule_.emplace(form, label_width_, static_cast<int64_t>(class_names_.size()));
  }

  size_t size() const override { return ends_.empty() ? 0 : ends_.back(); }

  void read(size_t i, Sample& sample) const override {
    const Place place = find(i);
    const auto record = parse(place, sample.storage, sample.labels);
    const std::string problem = rule_->apply(sample.labels, place.reader->path().string());
    sample.name = name_of(place, record.id);
    if (!problem.empty()) fail(ErrorKind::kData, sample.name, ": ", problem);
    sample.bytes = record.picture;
    const auto& seek_index = seek_indexes_[place.file];
    sample.seek_points = seek_index ? seek_index->points(place.number, record.picture) : Bytes();
  }

  void read_labels(size_t i, std::vector<float>& labels) const override {
    const Place place = find(i);
    std::vector<std::byte> storage;
    const auto record = parse(place, storage, labels);
    const std::string problem = rule_->apply(labels, place.reader->path().string());
    if (!problem.empty()) fail(ErrorKind::kData, name_of(place, record.id), ": ", problem);
  }

  uint64_t picture_bytes(size_t i) const override {
    const Place place = find(i);
    std::vector<std::byte> storage;
    std::vector<float> labels;
    return parse(place, storage, labels).picture.size();
  }

  void will_read(size_t i) const override {
    const Place place = find(i);
    const bool last = place.number + 1 == place.reader->size();
    ahead_[place.file].ask(place.reader->offset(place.number), last ? 0 : place.reader->offset(place.number + 1));
  }

 private:
  struct Place {
    const record::Reader* reader;
    size_t number;  // of the record in its file
    size_t file;
  };

  Place find(size_t i) const {
    require(i < size(), ErrorKind::kBug, "there is no sample ", i, " of ", size());
    const auto file = static_cast<size_t>(std::ranges::upper_bound(ends_, i) - ends_.begin());
    return {&readers_[file], i - (file == 0 ? 0 : ends_[file - 1]), file};
  }

  static std::string place_text(const Place& place) {
    return cat(place.reader->path().string(), " record ", place.number, " at byte ",
               place.reader->offset(place.number));
  }
  static std::string name_of(const Place& place, uint64_t id) { return cat(place_text(place), " (id ", id, ")"); }

  static record::ImageRecord parse(const Place& place, std::vector<std::byte>& storage, std::vector<float>& labels) {
    const Bytes payload = place.reader->read(place.number, storage);
    try {
      return record::parse(payload, labels);
    } catch (const Error& error) {
      fail(error.kind(), place_text(place), ": ", error.what());
    }
  }

  /// The first record that can be read says how many labels the others must have.
  int find_label_width(LabelForm form, const DatasetOptions& options) const {
    if (form == LabelForm::kClass) return 1;
    if (form == LabelForm::kClassIds) {
      require(options.classes > 0, ErrorKind::kUsage, "channels.", options.role,
              ": records that hold class ids need hyperparameters.num_classes");
      return static_cast<int>(options.classes);
    }
    std::optional<Error> first_error;
    std::vector<std::byte> storage;
    std::vector<float> labels;
    for (size_t i = 0; i < size(); ++i) {
      try {
        parse(find(i), storage, labels);
        return static_cast<int>(labels.size());
      } catch (const Error& error) {
        if (!first_error) first_error = error;
      }
    }
    throw *first_error;
  }

  std::vector<record::Reader> readers_;
  std::vector<std::unique_ptr<SeekIndexReader>> seek_indexes_;  // one a file; null: none
  std::vector<ReadAhead> ahead_;                                // one a file
  std::vector<size_t> ends_;                                    // samples up to the end of each file
  std::optional<LabelRule> rule_;
};

}  // namespace

bool is_records(const DatasetOptions& options) {
  if (options.list.given()) return false;
  return std::ranges::all_of(options.channel.paths, [](const Path& path) {
    return std::filesystem::is_directory(path) ? !record_files_in(path).empty() : is_record_file(path);
  });
}

std::unique_ptr<Dataset> open_records(const DatasetOptions& options) {
  return std::make_unique<RecordDataset>(options);
}

}  // namespace lockstep::data

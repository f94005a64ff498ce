#include <algorithm>
#include <array>
#include <span>

#include "formats.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

constexpr std::array<std::string_view, 1> kTrain = {"train"};
constexpr std::array<std::string_view, 3> kValidation = {"validation", "valid", "val"};
constexpr std::array<std::string_view, 1> kTest = {"test"};

/// The names that the split of a role may have.
std::span<const std::string_view> split_names(std::string_view role) {
  if (role == "train") return kTrain;
  if (role == "validation") return kValidation;
  return kTest;
}

std::vector<std::string> folders_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && entry.is_directory()) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> splits_in(const Path& folder) {
  std::vector<std::string> splits;
  for (const auto& name : folders_in(folder))
    for (const char* role : {"train", "validation", "test"})
      if (std::ranges::find(split_names(role), name) != split_names(role).end()) splits.push_back(name);
  return splits;
}

/// The pictures below a folder at any depth, as sorted paths relative to it.
std::vector<std::string> pictures_below(const Path& folder) {
  std::vector<std::string> pictures;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (is_picture_file(entry.path()) && entry.is_regular_file())
      pictures.push_back(entry.path().lexically_relative(folder).string());
  std::ranges::sort(pictures);
  return pictures;
}

class FolderDataset : public Dataset {
 public:
  explicit FolderDataset(const DatasetOptions& options) {
    require(options.channel.paths.size() == 1, ErrorKind::kUsage, "channels.", options.role, ": ",
            join(options.channel.paths, ", "), " are several folders; exactly one is expected");
    require(!options.multi_label, ErrorKind::kUsage, "channels.", options.role, ": ", options.channel.paths.front(),
            " is a folder of classes, which gives a picture one label; several labels need a .lst");
    const Path root = options.channel.paths.front();
    root_ = find_split(root, options.role);
    class_names_ = options.class_names;
    // The labels of every split are those of `train`, also where a split lacks a class.
    if (class_names_.empty() && root_ != root && std::filesystem::is_directory(root / "train")) collect(root / "train");
    collect(root_);
    require(!samples_.empty(), ErrorKind::kData, "channels.", options.role,
            ": there are no pictures in the class folders of ", root_.string());
  }

  size_t size() const override { return samples_.size(); }

  void read(size_t i, Sample& sample) const override {
    read_labels(i, sample.labels);
    read_picture(path_of(i), sample);
  }

  void read_labels(size_t i, std::vector<float>& labels) const override {
    labels.assign(1, static_cast<float>(samples_.at(i).label));
  }

  uint64_t picture_bytes(size_t i) const override { return picture_size(path_of(i)); }
  void will_read(size_t i) const override { ask_for_picture(path_of(i)); }

 private:
  struct Picture {
    int label, folder;
    std::string file;  // below the class folder
  };

  static Path find_split(const Path& root, const std::string& role) {
    const auto splits = splits_in(root);
    if (splits.empty()) return root;
    for (const auto name : split_names(role))
      if (std::ranges::find(splits, name) != splits.end()) return root / name;
    fail(ErrorKind::kUsage, "channels.", role, ": ", root.string(), " holds the splits ", join(splits, ", "),
         " but none for ", role);
  }

  /// Fills samples_ from the class folders of `split`, matched to class_names_ where there are names; otherwise it
  /// finds the names.
  void collect(const Path& split) {
    samples_.clear();
    folders_ = folders_in(split);
    const bool find_names = class_names_.empty();
    std::vector<std::string> empty;
    for (size_t f = 0; f < folders_.size(); ++f) {
      auto files = pictures_below(split / folders_[f]);
      if (files.empty()) {
        empty.push_back(folders_[f]);
        continue;
      }
      if (find_names) class_names_.push_back(folders_[f]);
      const int label = label_of(folders_[f], split);
      for (auto& file : files) samples_.push_back({label, static_cast<int>(f), std::move(file)});
    }
    if (!empty.empty() && !samples_.empty())
      log::warning(split.string(), ": no pictures in ", join(empty, ", "),
                   find_names ? "; not counted as classes" : "");
  }

  int label_of(const std::string& folder, const Path& split) const {
    const auto name = std::ranges::find(class_names_, folder);
    if (name != class_names_.end()) return static_cast<int>(name - class_names_.begin());
    const std::string close = nearest(folder, class_names_);
    fail(ErrorKind::kData, (split / folder).string(), ": the model and the training data know no class of this name",
         close.empty() ? "" : cat("; did you mean ", close, "?"));
  }

  Path path_of(size_t i) const {
    const auto& picture = samples_.at(i);
    return root_ / folders_[static_cast<size_t>(picture.folder)] / picture.file;
  }

  Path root_;
  std::vector<std::string> folders_;
  std::vector<Picture> samples_;
};

}  // namespace

bool is_folder(const DatasetOptions& options) {
  return std::ranges::all_of(options.channel.paths, [](const Path& path) {
    return std::filesystem::is_directory(path) && !folders_in(path).empty();
  });
}

std::unique_ptr<Dataset> open_folder(const DatasetOptions& options) { return std::make_unique<FolderDataset>(options); }

}  // namespace lockstep::data

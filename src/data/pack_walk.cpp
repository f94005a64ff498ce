#include "pack_walk.h"

#include <algorithm>
#include <map>

#include "lockstep/core/error.h"
#include "one_line.h"

namespace lockstep::data {
namespace {

/// The names in one folder, sorted by their bytes.
struct Folder {
  std::vector<std::string> files, folders;
  std::vector<std::string> others;  ///< links that lead nowhere, pipes, devices
};

Folder list_folder(const Path& path) try {
  Folder folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    std::error_code unreachable;
    auto& names = entry.is_directory(unreachable)      ? folder.folders
                  : entry.is_regular_file(unreachable) ? folder.files
                                                       : folder.others;
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(folder.files);
  std::ranges::sort(folder.folders);
  std::ranges::sort(folder.others);
  return folder;
} catch (const std::filesystem::filesystem_error& error) {
  fail(ErrorKind::kIo, path.string(), ": cannot read the folder: ", error.code().message());
}

class Walker {
 public:
  Walker(const Path& root, const PackOptions& options) : root_(root), options_(options) {}

  Walk run() {
    visit({});
    return std::move(walk_);
  }

 private:
  bool hidden(const std::string& name) const { return !options_.every_folder_a_class && name.starts_with('.'); }

  void visit(const Path& below) {
    const Path here = below.empty() ? root_ : root_ / below;
    const Path real = std::filesystem::canonical(here);
    require(std::ranges::find(around_, real) == around_.end(), ErrorKind::kData, here.string(),
            " is a link to a folder around it, ", real.string(), "; remove the link");
    around_.push_back(real);
    const Folder folder = list_folder(here);
    for (const auto& name : folder.files)
      if (!hidden(name)) take(below, name);
    for (const auto& name : folder.others)
      if (!hidden(name)) leave_out(below / name, ": a link that leads nowhere, or no file");
    for (const auto& name : folder.folders) {
      if (!options_.recursive || hidden(name)) continue;
      visit(below / name);
      const bool is_class = !options_.every_folder_a_class && below.empty();
      if (is_class && !numbers_.contains(name)) leave_out(name, ": a folder without a picture, which is no class");
    }
    around_.pop_back();
  }

  void take(const Path& below, const std::string& name) {
    const std::string path = (below / name).string();
    const std::string extension = lower(Path(name).extension().string());
    const bool has_class = options_.every_folder_a_class || !below.empty();
    if (std::ranges::find(options_.extensions, extension) == options_.extensions.end()) {
      leave_out(path, "");
    } else if (!has_class) {
      leave_out(path, ": a picture outside of the class folders");
    } else if (path.find_first_of("\t\n\r") != std::string::npos) {
      leave_out(path, ": a TAB or line end in the name, which no .lst can hold");
    } else {
      walk_.pictures.push_back({folder_of(below), path});
    }
  }

  void leave_out(const Path& path, const char* why) {
    walk_.foreign.push_back(one_line((root_ / path).string()) + why);
  }

  size_t folder_of(const Path& below) {
    std::string name = options_.every_folder_a_class ? below.string() : below.begin()->string();
    if (name.empty()) name = ".";
    const auto [known, is_new] = numbers_.try_emplace(name, walk_.folders.size());
    if (is_new) walk_.folders.push_back(name);
    return known->second;
  }

  const Path& root_;
  const PackOptions& options_;
  std::vector<Path> around_;
  std::map<std::string, size_t> numbers_;
  Walk walk_;
};

}  // namespace

Walk walk_classes(const Path& root, const PackOptions& options) { return Walker(root, options).run(); }

}  // namespace lockstep::data

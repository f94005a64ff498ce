#pragma once

#include <charconv>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/core/file.h"

namespace lockstep::test {

/// A file system as POSIX promises it and no better: what is not synced may be lost when the power goes. A file's bytes
/// are kept by fsync of the file, names by fsync of the folder they are in. Fed with the lines of shim.c's log.
class Disk {
 public:
  /// `root`: the folder of the log's paths that was there from the beginning.
  explicit Disk(Path root) : root_(std::move(root)), nodes_(1) {}

  void apply(const std::string& line) {
    const std::vector<std::string> fields = split(line, '\t');
    const std::string& call = fields.at(0);
    const Path path = fields.at(1);
    if (call == "sync") {
      Node& node = nodes_[find(path)];
      node.synced_names = node.names;
      node.synced_bytes = node.bytes;
    } else if (call == "mkdir" || call == "create") {
      size_t& node = names(path)[path.filename()];
      if (node != 0) return nodes_[node].bytes.clear();
      node = nodes_.size();
      nodes_.emplace_back().is_file = call == "create";
    } else if (call == "write") {
      std::string& bytes = nodes_[find(path)].bytes;
      const std::string written = from_hex(fields.at(3));
      const auto offset = static_cast<size_t>(parse_integer(fields.at(2)).value());
      bytes.resize(std::max(bytes.size(), offset + written.size()));
      bytes.replace(offset, written.size(), written);
    } else if (call == "rename") {
      const size_t node = find(path);
      names(path).erase(path.filename());
      names(fields.at(2))[Path(fields.at(2)).filename()] = node;
    } else if (call == "exchange") {
      std::swap(names(path).at(path.filename()), names(fields.at(2)).at(Path(fields.at(2)).filename()));
    } else {
      require(call == "remove", ErrorKind::kBug, "no call of a disk: ", line);
      names(path).erase(path.filename());
    }
  }

  /// Puts into `folder` what a machine finds that starts again: of each file and folder the last state where
  /// `survives(is_file)` says so, otherwise the last synced one.
  void restart(const Path& folder, const std::function<bool(bool is_file)>& survives) const {
    put(nodes_[0], folder, survives);
  }

 private:
  using Names = std::map<std::string, size_t>;  // -> index of a node
  struct Node {
    bool is_file = false;
    Names names, synced_names;
    std::string bytes, synced_bytes;
  };

  size_t find(const Path& path) const {
    size_t node = 0;
    if (path != root_)
      for (const Path& part : path.lexically_relative(root_)) node = nodes_[node].names.at(part);
    return node;
  }
  Names& names(const Path& path) { return nodes_[find(path.parent_path())].names; }

  static std::string from_hex(const std::string& digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
  }

  void put(const Node& node, const Path& path, const std::function<bool(bool is_file)>& survives) const {
    const bool last = survives(node.is_file);
    if (node.is_file) {
      FileWriter file(path);
      file.write(last ? node.bytes : node.synced_bytes);
      return file.finish();
    }
    std::filesystem::create_directory(path);
    for (const auto& [name, inner] : last ? node.names : node.synced_names) put(nodes_[inner], path / name, survives);
  }

  Path root_;
  std::vector<Node> nodes_;
};

}  // namespace lockstep::test

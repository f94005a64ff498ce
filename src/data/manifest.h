#pragma once

#include <memory>
#include <string>
#include <vector>

#include "label_rule.h"
#include "lockstep/core/file.h"
#include "lockstep/data/dataset.h"
#include "manifest_line.h"

namespace lockstep::data {

/// By its extension; a .json where its first object has an attribute that ends in `-ref`, which COCO has not.
bool looks_like_manifest(const Path& path);

/// An augmented manifest: JSON Lines, each a picture with its label or labels. The file stays mapped, with an index of
/// its lines; a line is parsed when it is asked for. Blank lines are left out. Any thread.
class Manifest {
 public:
  /// Reads every line once to learn attributes, class names and the form of the labels; lines that are wrong are left
  /// to those who ask for them. Relative paths are below `images`. Data Error where no line can be read, or a class has
  /// two names; usage Error for pictures in S3 without options.s3_root.
  Manifest(const Path& file, const Path& images, const DatasetOptions& options);

  size_t size() const { return lines_.size(); }
  /// Labels and picture of line i. Data Error with "manifest:line".
  void read_labels(size_t i, std::vector<float>& labels) const;
  Path picture(size_t i) const;

  /// The first good line has a list of labels.
  bool holds_lists() const { return holds_lists_; }
  int label_width() const { return label_width_; }
  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  struct Line {
    size_t begin, number;
  };
  struct Facts;

  void find_lines();
  std::string_view text(size_t i) const;
  ManifestLine line(size_t i) const;
  std::string place(size_t i) const;
  ManifestAttributes attributes_of(const DatasetOptions& options) const;
  Facts survey_lines() const;

  MappedFile file_;
  Path images_, s3_root_;
  std::vector<Line> lines_;
  ManifestAttributes attributes_;
  bool holds_lists_ = false;
  int label_width_ = 1;
  std::vector<std::string> class_names_;
  std::unique_ptr<LabelRule> rule_;
};

}  // namespace lockstep::data

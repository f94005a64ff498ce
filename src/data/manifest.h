#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "label_rule.h"
#include "lockstep/core/file.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"
#include "manifest_line.h"

namespace lockstep::data {

/// By its extension; a .json where its first object has an attribute that ends in `-ref`, which COCO has not.
bool looks_like_manifest(const Path& path);

/// An augmented manifest: JSON Lines, each a picture with its label or labels. The file stays mapped; of each line are
/// kept its place, its labels and where it names its picture. Blank lines are left out. Any thread.
class Manifest {
 public:
  /// Reads every line once, on all cores, to learn attributes, class names and the form of the labels; lines that are
  /// wrong are left to those who ask for them. Relative paths are below `images`. Data Error where no line can be read,
  /// or a class has two names; usage Error for pictures in S3 without options.s3_root.
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
    size_t labels_end = 0;  // in labels_, where those of the line before end
    uint32_t picture_begin = 0,
             picture_size = 0;  // in the line; 0: it must be read again, because it says it by escapes
    bool is_good = false;
  };
  struct Facts;

  void find_lines();
  std::string_view text(size_t i) const;
  ManifestLine line(size_t i) const;
  std::string place(size_t i) const;
  ManifestAttributes attributes_of(const DatasetOptions& options) const;
  Facts survey_lines();
  void survey_range(const Range& range, Facts& facts);
  void keep(Line& line, const ManifestLine& read, Facts& facts) const;
  std::map<uint32_t, std::string> names_of(const Facts& facts) const;
  void require_a_picture() const;

  MappedFile file_;
  Path images_, s3_root_;
  std::vector<Line> lines_;
  std::vector<float> labels_;  // as they are written, of one line after the other
  ManifestAttributes attributes_;
  bool holds_lists_ = false;
  int label_width_ = 1;
  std::vector<std::string> class_names_;
  std::unique_ptr<LabelRule> rule_;
};

}  // namespace lockstep::data

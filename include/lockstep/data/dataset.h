#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/config/config.h"
#include "lockstep/config/load.h"
#include "lockstep/core/file.h"
#include "lockstep/image/image.h"

namespace lockstep::data {

/// One sample before decoding. Refilled by Dataset::read(); the vectors keep their memory.
struct Sample {
  Bytes bytes;                ///< the encoded picture: in the dataset's mapping, or in `storage`
  Bytes seek_points;          ///< image::index_scan() of it, in a mapping of the dataset; empty where there is no index
  std::vector<float> labels;  ///< one class, or multi-hot [label_width]
  std::string name;           ///< for messages: "train.rec record 17 at byte 4096 (id 559)" or a path
  std::vector<std::byte> storage;
};

/// Answers how many samples there are and what sample i is; sample id = position 0..size-1. All functions from any
/// thread at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual size_t size() const = 0;
  /// Data Error naming path, record and offset.
  virtual void read(size_t i, Sample& sample) const = 0;
  /// The labels alone, without the picture where the format allows. Data Error as above.
  virtual void read_labels(size_t i, std::vector<float>& labels) const = 0;
  /// Size of the encoded picture, found without reading it where the format allows.
  virtual uint64_t picture_bytes(size_t i) const;
  /// Sample i will be read soon: a format whose data lie on a slow disk asks for them now, without waiting. Never
  /// throws; does nothing unless the format says otherwise.
  virtual void will_read(size_t /*i*/) const {}

  /// Line number = label; empty where the format has no names.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Labels a sample: 1, or the number of labels of multi-label data.
  int label_width() const { return label_width_; }

 protected:
  std::vector<std::string> class_names_;
  int label_width_ = 1;
};

/// What to open: a channel, and for images with a list that list.
struct DatasetOptions {
  Channel channel;
  Channel list;  ///< train_lst / validation_lst; usually not given
  bool multi_label = false;
  int64_t classes = 0;                   ///< for multi-label class ids; 0: unknown
  std::string role = "train";            ///< for messages; also which split of a folder of splits
  std::vector<std::string> class_names;  ///< classes that data name are matched to these; empty: they are found
  bool seek_index = true;                ///< a .jdx beside records is used
  Path s3_root;                          ///< manifests: the local folder that holds the buckets of s3:// addresses
  std::vector<std::string> categories;   ///< COCO: which, in the order of their labels; empty: class_names, else all
  bool drop_without_category = false;    ///< COCO: leave out pictures that show none of the categories
};

/// What a configuration says of one of its channels; `list` is the train_lst or validation_lst that belongs to it.
DatasetOptions dataset_options(const Config& config, const Channel& channel, const Channel& list);

/// Opens by the row of datasets.def that recognises the channel. Data or usage Error naming channel and path, with what
/// was found.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

/// Counts: every label is read once, on `threads` threads. Data Error naming the first bad sample: labels that are
/// negative, not whole numbers or beyond the named classes (single label), negative or not finite (multi-label; above
/// 0.5 is 1, with one warning), and damaged records. Up to `skip_bad` unreadable samples are left out of the counts
/// instead, each with a warning.
DatasetFacts survey(const Dataset& dataset, bool multi_label, int threads, int64_t skip_bad = 0);

/// A number that changes when the number, the sizes, the labels, the order of the samples or the class names do; the
/// same on every rank that sees the same data. Pictures are not read: another picture of the same size goes unnoticed.
uint64_t fingerprint(const Dataset& dataset);

/// The label of each of `from`'s classes in `to`, by name. Data Error naming the unknown class and the nearest one.
/// Empty (nothing to do) when either has no names.
std::vector<int> map_classes(const std::vector<std::string>& from, const std::vector<std::string>& to);

}  // namespace lockstep::data

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// Pictures and the labels that they carry, as one file lists them: what .csv and COCO JSON become.
struct Listing {
  Path source;                           ///< the file
  Path images;                           ///< what the paths are relative to
  std::vector<std::string> class_names;  ///< empty: labels are numbers without names
  bool is_multi_label = false;           ///< its form says so, or a picture carries several labels or none
  std::vector<std::string> paths;
  std::vector<uint32_t> labels;  ///< of all pictures, one after the other; of a picture each once
  std::vector<size_t> ends;      ///< where the labels of each picture end
  std::vector<size_t> lines;     ///< of the source, from 1; empty where the source has no lines

  size_t size() const { return paths.size(); }
  /// Sorts the labels and leaves out doubled ones.
  void add(std::string path, std::vector<uint32_t> labels_of_picture);
  std::span<const uint32_t> labels_of(size_t i) const;
  /// The labels that there are: those with names, or the largest number and one.
  size_t classes() const;
  /// "labels.csv:12 (a.jpg)".
  std::string place(size_t i) const;
};

/// The folder or file of a channel and the file that lists its pictures: options.list, or the channel's only path.
struct ListingSource {
  Path file;
  Path images;  ///< empty: to be found near the file
};
/// Usage Error where there are several paths.
ListingSource listing_source(const DatasetOptions& options);
/// That file has this extension (".csv"); false where the channel has several paths.
bool is_listed_by(const DatasetOptions& options, std::string_view extension);

/// Samples in the order of the listing. Without options.multi_label each picture must carry one label: a data Error
/// names the one that does not, when it is read.
std::unique_ptr<Dataset> make_dataset(Listing listing, const DatasetOptions& options);

/// Reads a .csv: a header `file,...`, then a row for each picture, with
///   one column of classes: the only one, or the only one that is called label, class, category or the like (others are
///   left out): numbers or names, several of them separated by `|`; or else
///   a column of 0 and 1 for each label, which is called like it.
/// `classes`: names that are matched; empty: the names in order of the columns, or sorted by their bytes.
/// `images`: see find_images(). `columns_first`: a single column of 0 and 1 is a label, not class numbers. Data Error
/// naming the line.
Listing read_csv_listing(const Path& file, const Path& images, const std::vector<std::string>& classes,
                         bool columns_first);

/// Reads COCO instances: `categories` says which, by name or number, in the order of their labels; empty: all, by their
/// numbers. Pictures stand in the order of the file, those without a label too unless `drop_unlabelled`. Data Error
/// with the offset of what is no JSON, or with the place in `images`, `categories` or `annotations`.
Listing read_coco_listing(const Path& file, const Path& images, const std::vector<std::string>& categories,
                          bool drop_unlabelled);

}  // namespace lockstep::data

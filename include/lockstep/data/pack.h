#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// What `lockstep pack` was asked for; im2rec's flags have im2rec's meanings (reference: its README section in our
/// README).
struct PackOptions {
  Path root;       ///< folder of classes, of splits, or of the images that the list names; empty for labels,
                   ///< coco and manifest: found near that file. The list itself, which is recognised:
                   ///< .lst, .csv, .json, .manifest, .jsonl
  Path prefix;     ///< PREFIX.lst/.rec/.idx/.classes
  Path from_list;  ///< --from-list: .lst with images below root
  Path labels;     ///< --labels: CSV, first column the file, then one column a label (multi-hot) or of classes
  Path coco;       ///< --coco: COCO instances JSON
  Path manifest;   ///< --manifest: augmented manifest
  Path s3_root;    ///< --s3-root: local folder of the buckets of a manifest's s3:// addresses
  std::vector<std::string> categories;  ///< --categories of COCO, in the order of their labels; empty: all
  bool drop_without_category = false;   ///< --without-category drop: COCO's pictures that show none of them
  Path classes;                         ///< --classes: fixes the labels
  std::vector<double> split;            ///< --split 0.8 or 0.8:0.1 (train : validation, the rest test)
  int64_t shards = 1;
  bool list_only = false;  ///< --list
  bool recursive = true;   ///< im2rec's default is off; ours reads a folder of classes
  bool every_folder_a_class =
      false;  ///< im2rec --recursive: each folder that holds pictures is a class, nested ones and root too;
              ///< otherwise a class is a folder of root with all that lies below it
  bool existing_lists =
      false;            ///< im2rec's second step: packs every PREFIX*.lst in its order; root where there is none
  bool shuffle = true;  ///< im2rec's order: Python's random.seed(100)
  bool pass_through =
      true;  ///< bytes as they are; off as soon as resize, crop, quality, colour or encoding is asked for
  bool pack_label = false;
  bool center_crop = false;
  int64_t resize = 0, quality = 95, colour = 1;
  std::string encoding = ".jpg";
  std::vector<std::string> extensions = {".jpeg", ".jpg", ".png"};
  double train_ratio = 1.0, test_ratio = 0.0;
  int64_t chunks = 1;
  int threads = 0;      ///< 0: available cores
  bool strict = false;  ///< an unreadable picture is fatal
};

/// What was done.
struct PackSummary {
  struct File {
    Path records;
    int64_t samples = 0;
    uint64_t bytes = 0;
    std::vector<int64_t> class_counts;
  };
  std::vector<File> files;
  std::vector<std::string> classes;
  std::vector<std::string> unreadable;  ///< path and reason
  std::vector<std::string> foreign;     ///< files that are no pictures, folders without one
  double seconds = 0;
};

/// Packs, with progress on a terminal. Errors name the path.
PackSummary pack(const PackOptions& options);

}  // namespace lockstep::data

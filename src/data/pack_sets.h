#pragma once

#include <string>
#include <vector>

#include "lockstep/data/pack.h"
#include "lockstep/record/list.h"

namespace lockstep::data {

/// The pictures of one .rec, in their order.
struct PackSet {
  std::string suffix;  ///< of the prefix: "_train", "_0_val", "-00000-of-00004"
  Path root;           ///< what the paths of the entries are relative to
  std::vector<record::ListEntry> entries;
  bool list_exists = false;  ///< PREFIX + suffix + .lst is where the entries come from, and stays as it is
};

/// All that is to be packed.
struct PackPlan {
  std::vector<PackSet> sets;
  std::vector<std::string> classes;  ///< empty: the labels are no class numbers
  std::vector<std::string> foreign;
  std::vector<std::string> unreadable;  ///< lines that name no picture
  bool packed = false;                  ///< every label goes into the record, not the first alone
};

/// Finds out what there is to pack. Usage and data Errors name the file, folder or line.
PackPlan plan_pack(const PackOptions& options);

// Its sources, one file each.
PackPlan plan_folder(const PackOptions& options);
PackPlan plan_lists(const PackOptions& options);
PackPlan plan_listed(const PackOptions& options);  // .csv, COCO, manifest

/// The existing PREFIX*.lst, as im2rec looks for them.
std::vector<Path> lists_of_prefix(const Path& prefix);

/// Cuts a set by --chunks, --train-ratio and --test-ratio (im2rec's arithmetic), by --split, and by --shards.
/// `shuffled`: the entries are in random order already. --split keeps each class's share in each part.
std::vector<PackSet> divide(const PackSet& set, const PackOptions& options, bool shuffled);

/// How often each label occurs. Empty when there are no classes.
std::vector<int64_t> count_classes(const std::vector<record::ListEntry>& entries, size_t classes, bool packed);

/// The names from --classes, or none.
std::vector<std::string> given_classes(const PackOptions& options);

}  // namespace lockstep::data

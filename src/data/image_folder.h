#pragma once

#include <span>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep::data {

/// The folder that the paths in a listing (.csv, COCO JSON) are relative to: `named` where it is not empty, otherwise
/// the first of these that holds one of the first pictures:
///   the folder of the listing;
///   a folder in it that is called like the listing, also without what says that it is one
///   (train-labels.csv, train-instances.json, instances_train.json -> train), as it stands or in `images`;
///   the same beside the folder of the listing (annotations/instances_val2017.json -> val2017, images/val2017).
/// Data Error that says where it was looked.
Path find_images(const Path& listing, const Path& named, std::span<const std::string> pictures);

}  // namespace lockstep::data

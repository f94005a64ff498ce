#pragma once

#include <cstdint>
#include <string>

#include "lockstep/core/file.h"

namespace lockstep::model {

/// Where weights that others publish are kept on this machine: cache_folder(). Usage Error where there is none.
Path pretrained_folder();

/// The file of ImageNet weights of that network in pretrained_folder(), by the rows of pretrained.def; 0 layers in a
/// row fit any number. Usage Error that says which file is wanted, where it is published and where to put it. Nothing
/// is ever downloaded.
Path find_pretrained(const std::string& network, int64_t num_layers);

}  // namespace lockstep::model

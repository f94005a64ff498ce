#pragma once

#include "lockstep/core/file.h"
#include "lockstep/data/dataset.h"

namespace lockstep::data {

/// By its extension: jpg, jpeg, png, webp, bmp, gif, tif or tiff in any case. Hidden files are none.
bool is_picture_file(const Path& path);

/// Reads a picture that a dataset names into memory that is reused. Data Error when the file is not there or may not be
/// read: one bad sample; io Error when the disk fails.
void read_picture(const Path& path, std::vector<std::byte>& bytes);
/// The same as a sample: everything but its labels.
void read_picture(const Path& path, Sample& sample);

/// Asks the system to read it soon, without waiting for it; nothing where it is not there.
void ask_for_picture(const Path& path);

/// Its size in bytes. Errors as above.
uint64_t picture_size(const Path& path);

}  // namespace lockstep::data

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::model::checkpoint {

// The folder that holds a run's checkpoints, and what happens to their names:
//   step-000000123                    complete
//   latest                            the newest one's name and a line feed
//   .writing-step-000000123@HOST@PID  being written by that process
//   .replaced-step-000000123          complete, about to be replaced by one of the same step (only where the file
//                                     system cannot exchange two names)
//   .removing-...                     being deleted
// All failures are io Errors.

struct Entry {
  int64_t step = 0;
  Path path;
};

/// All complete checkpoints by falling step. A folder that does not exist holds none.
std::vector<Entry> list_complete(const Path& folder);

/// The complete checkpoint that `latest` names, if it is there. A `latest` that cannot be read, is damaged or names
/// what is not there becomes a note.
std::optional<Path> read_latest(const Path& folder, std::vector<std::string>& notes);

/// Makes the folder and its parents, so that they are there after a loss of power as well.
void make_folder(const Path& folder);

/// Ends what a crash left undone: deletes temporary files and folders of processes that are gone (on another host: of
/// those that wrote nothing for an hour), and puts a replaced checkpoint back where its successor did not arrive.
void clear_leftovers(const Path& folder);

/// Where this process writes the checkpoint of that step.
Path writing_path(const Path& folder, int64_t step);

/// Gives the written folder the checkpoint's name. There is no moment without a complete checkpoint of that step if
/// there was one before; that one then has the name of `written`, or is set aside.
void put_in_place(const Path& written, const Path& folder, int64_t step);

/// Makes `latest` name that step, on the disk.
void write_latest(const Path& folder, int64_t step);

/// Deletes checkpoints. Half of one never has a complete one's name, also after a loss of power.
void remove_checkpoints(const Path& folder, const std::vector<Path>& doomed);

}  // namespace lockstep::model::checkpoint

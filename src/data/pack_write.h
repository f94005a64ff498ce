#pragma once

#include <string>
#include <vector>

#include "pack_sets.h"

namespace lockstep::data {

/// A file that is written under another name until it is complete. Without commit() it is removed again.
class PendingFile {
 public:
  explicit PendingFile(Path path);
  ~PendingFile();
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;

  const Path& pending() const { return pending_; }
  /// Takes the place of what was there. io Error when it cannot.
  void commit();

 private:
  Path path_, pending_;
};

/// Writes the .lst alone.
PackSummary::File write_set_list(const PackPlan& plan, const PackSet& set, const PackOptions& options);

/// Writes .rec, .idx and .lst of a set. What cannot be read is left out of all three and added to `unreadable`; with
/// options.strict it is an Error.
PackSummary::File write_set(const PackPlan& plan, const PackSet& set, const PackOptions& options,
                            std::vector<std::string>& unreadable);

}  // namespace lockstep::data

#include "lockstep/core/cache_folder.h"

#include <cstdlib>

namespace lockstep {

Path cache_folder() {
  const auto variable = [](const char* name) {
    const char* const text = std::getenv(name);
    return Path(text == nullptr ? "" : text);
  };
  if (const Path folder = variable("LOCKSTEP_CACHE"); !folder.empty()) return folder;
  if (const Path folder = variable("XDG_CACHE_HOME"); !folder.empty()) return folder / "lockstep";
  const Path home = variable("HOME");
  return home.empty() ? home : home / ".cache" / "lockstep";
}

}  // namespace lockstep

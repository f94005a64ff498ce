#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lockstep/config/config.h"

namespace lockstep {

/// One row of keys.def without its type and default.
struct Key {
  const char* section;
  const char* name;
  const char* valid;
  const char* meaning;
  OnResume on_resume;
  std::string full() const { return std::string(section) + '.' + name; }
};

/// Calls visit(Key, member of `config`) for every row of the table, in its order. Reading, printing, comparing and
/// --help are visitors.
template <class AnyConfig, class Visitor>
void for_each_key(AnyConfig&& config, Visitor&& visit) {
  const OnResume harmless = OnResume::kHarmless, warned = OnResume::kWarned, refused = OnResume::kRefused;
#define CHANNEL(name, resume, meaning) visit(Key{"channels", #name, "", meaning, resume}, config.channels.name);
#define HYPERPARAMETER(type, name, initial, valid, resume, meaning) \
  visit(Key{"hyperparameters", #name, valid, meaning, resume}, config.hyperparameters.name);
#define RUN(type, name, initial, valid, resume, meaning) \
  visit(Key{"run", #name, valid, meaning, resume}, config.run.name);
#include "lockstep/config/keys.def"
}

/// A key with its value as the user would write it; empty: unset.
struct PrintedKey {
  Key key;
  std::string value;
};
std::vector<PrintedKey> printed_keys(const Config& config);

/// Why `name` is no key of `section`: where it belongs, or the nearest name.
std::string explain_unknown_key(const std::string& section, const std::string& name);

bool is_key(const std::string& full);

/// "channels.train" for "channels.train" and for "train"; empty when there is no such key or several sections have it.
std::string find_key(const std::string& name);

}  // namespace lockstep

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/core/error.h"

namespace lockstep {

/// One row of a table: a `.def` file expands into a constexpr array of these, and `--help`, README and the contract
/// tests read it.
template <class Make>
struct Entry {
  const char* name;
  const char* help;
  Make make;
};

template <class Make>
std::vector<std::string> names(std::span<const Entry<Make>> entries) {
  std::vector<std::string> all;
  for (const auto& entry : entries) all.emplace_back(entry.name);
  return all;
}

/// The row of that name. Throws an Error that says the nearest name first and then lists what there is; `noun` is what
/// a row is called ("network").
template <class Make>
const Entry<Make>& find_entry(std::span<const Entry<Make>> entries, std::string_view name, std::string_view noun,
                              ErrorKind kind = ErrorKind::kUsage) {
  for (const auto& entry : entries)
    if (name == entry.name) return entry;
  const auto all = names(entries);
  const std::string close = nearest(name, all);
  fail(kind, "no ", noun, " is called \"", name, "\"", close.empty() ? "" : cat("; did you mean \"", close, "\"?"),
       " There are: ", join(all, ", "));
}

}  // namespace lockstep

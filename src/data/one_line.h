#pragma once

#include <string>
#include <string_view>

namespace lockstep::data {

/// A name as it may stand in a line for people: line ends, tabs and other control characters become \n, \t, \x1B.
std::string one_line(std::string_view name);

}  // namespace lockstep::data

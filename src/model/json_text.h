#pragma once

#include <string>
#include <string_view>

namespace lockstep::model {

/// Refuses what is not JSON, what is nested deeper than 64 levels, and an object that has a key twice: a data Error
/// with `where` and the offset. A text that passes can be parsed without further care for its syntax.
void verify_json(std::string_view text, const std::string& where);

}  // namespace lockstep::model

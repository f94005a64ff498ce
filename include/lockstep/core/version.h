#pragma once

namespace lockstep {

/// "0.1.0"; CMakeLists.txt and CHANGELOG.md say the same (a test compares).
inline constexpr const char* kVersion = "0.1.0";

}  // namespace lockstep

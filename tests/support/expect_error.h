#pragma once

#include <string>

#include <gtest/gtest.h>

#include "lockstep/core/error.h"

namespace lockstep::test {

/// Runs `action`, which must throw an Error of this kind; returns its message for further questions.
template <class Action>
std::string expect_error(ErrorKind kind, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

}  // namespace lockstep::test

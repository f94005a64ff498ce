#pragma once

#include <string>

#include <gtest/gtest.h>

#include "lockstep/core/error.h"
#include "lockstep/core/file.h"
#include "support/expect_error.h"

namespace lockstep::test {

inline void write_file(const Path& path, std::string_view text) {
  FileWriter file(path);
  file.write(text);
  file.finish();
}

/// Every proper beginning of the file must be a data Error that says an offset.
template <class Read>
void expect_every_truncation_refused(const Path& path, Read&& read) {
  const std::string whole = read_text(path);
  const Path damaged = path.string() + ".damaged";
  for (size_t size = 0; size < whole.size(); ++size) {
    write_file(damaged, std::string_view(whole).substr(0, size));
    const std::string message = expect_error(ErrorKind::kData, [&] { read(damaged); });
    expect_contains(message, "offset");
    ASSERT_FALSE(testing::Test::HasFailure()) << "of " << whole.size() << " bytes " << size;
  }
}

/// Flips every `stride`-th bit alone: the text must be read or be a data Error. Returns how many were read. A stride
/// that is no multiple of 2 meets every bit of a byte somewhere.
template <class Read>
size_t flip_bits(const std::string& whole, size_t stride, Read&& read) {
  size_t accepted = 0;
  for (size_t bit = 0; bit < whole.size() * 8; bit += stride) {
    std::string text = whole;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    try {
      read(text);
      ++accepted;
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::kData))
          << "bit " << bit << ": " << error.what();
    }
  }
  return accepted;
}

}  // namespace lockstep::test

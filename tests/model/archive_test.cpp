#include "archive.h"

#include <cstdio>
#include <cstring>

#include <gtest/gtest.h>

#include "damage.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;
namespace fs = std::filesystem;

Files read_all(const Path& path) {
  return read_archive(path, [](const std::string&) { return true; });
}

/// One entry of a ustar archive by hand: header of 512 bytes, content padded to 512.
std::string entry(const std::string& name, char type, const std::string& content, const std::string& target = "",
                  const char* size = nullptr) {
  std::string header(512, '\0');
  const auto put = [&](size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%011zo", content.size());
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size ? size : digits);
  put(136, "00000000000");
  put(156, std::string(1, type));
  put(157, target);
  put(257, std::string("ustar\00000", 8));
  put(148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(digits, sizeof(digits), "%06o", sum);
  put(148, std::string(digits, 7));
  std::string body = content;
  body.resize((body.size() + 511) / 512 * 512);
  return header + body;
}

class Archive : public testing::Test {
 protected:
  Files read(const std::string& entries) {
    test::write_file(folder_ / "x.tar", entries + std::string(1024, '\0'));
    return read_all(folder_ / "x.tar");
  }
  void expect_refused(const std::string& entries, const std::string& reason) {
    const std::string message = expect_error(ErrorKind::kData, [&] { read(entries); });
    expect_contains(message, reason);
    expect_contains(message, "x.tar");
  }
  test::TempFolder folder_;
};

TEST_F(Archive, IsReadAsItWasWritten) {
  test::write_file(folder_ / "a", std::string(3'000'000, 'a'));
  test::write_file(folder_ / "b", "");
  write_archive(folder_ / "x.tar.gz", folder_.path(), {"a", "b"});
  const Files files = read_all(folder_ / "x.tar.gz");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files.at("a").size(), 3'000'000u);
  EXPECT_EQ(files.at("b").size(), 0u);
}

TEST_F(Archive, IsOpenedByTar) {
  test::write_file(folder_ / "a", "content");
  write_archive(folder_ / "x.tar.gz", folder_.path(), {"a"});
  const test::Outcome outcome = test::run_command("tar -xzOf " + (folder_ / "x.tar.gz").string() + " a");
  EXPECT_EQ(outcome.output, "content");
}

TEST_F(Archive, OfTheSameFilesIsTheSameFile) {
  test::write_file(folder_ / "a.json", "{}");
  write_archive(folder_ / "one.tar.gz", folder_.path(), {"a.json"});
  fs::last_write_time(folder_ / "a.json", fs::file_time_type::clock::now() - std::chrono::hours(100));
  write_archive(folder_ / "two.tar.gz", folder_.path(), {"a.json"});
  EXPECT_EQ(read_text(folder_ / "one.tar.gz"), read_text(folder_ / "two.tar.gz"));
}

TEST_F(Archive, GivesTheFilesAtTheTopThatAreWanted) {
  const std::string entries = entry("./", '5', "") + entry("./a", '0', "1") + entry("sub/", '5', "") +
                              entry("sub/a", '0', "2") + entry("b", '0', "3");
  EXPECT_EQ(read(entries).size(), 2u);
  EXPECT_EQ(read_archive(folder_ / "x.tar", [](const std::string& name) { return name == "b"; }).size(), 1u);
}

TEST_F(Archive, RefusesNamesThatLeadOut) {
  expect_refused(entry("../a", '0', "1"), "leads out");
  expect_refused(entry("/etc/a", '0', "1"), "leads out");
  expect_refused(entry("sub/../../a", '0', "1"), "leads out");
}

TEST_F(Archive, RefusesLinksAndDevices) {
  expect_refused(entry("a", '2', "", "/etc/passwd"), "link or device");
  expect_refused(entry("a", '1', "", "b"), "link or device");
  expect_refused(entry("a", '3', ""), "link or device");
  expect_refused(entry("a", '6', ""), "link or device");
}

TEST_F(Archive, RefusesWhatIsTooLargeBeforeReadingIt) {
  expect_refused(entry("a", '0', "1", "", "77777777777"), "at most");
}

TEST_F(Archive, RefusesWhatUnpacksToFarMoreThanItsSizeSlow) {
  test::write_file(folder_ / "a", "");
  fs::resize_file(folder_ / "a", 300 << 20);
  write_archive(folder_ / "x.tar.gz", folder_.path(), {"a"});
  const std::string message = expect_error(ErrorKind::kData, [&] { read_all(folder_ / "x.tar.gz"); });
  expect_contains(message, "too much for an archive of its size");
}

TEST_F(Archive, RefusesAFileThatStandsTwice) { expect_refused(entry("a", '0', "1") + entry("./a", '0', "2"), "twice"); }

TEST_F(Archive, RefusesWhatIsNoArchive) {
  for (const std::string& text : {std::string(), std::string("hello"), std::string(5000, 'x')}) {
    test::write_file(folder_ / "x.tar", text);
    expect_contains(expect_error(ErrorKind::kData, [&] { read_all(folder_ / "x.tar"); }), "x.tar");
  }
}

TEST_F(Archive, EveryTruncationOfAGzipFileIsRefused) {
  test::write_file(folder_ / "a", "some content, and more of it");
  write_archive(folder_ / "x.tar.gz", folder_.path(), {"a"});
  const std::string whole = read_text(folder_ / "x.tar.gz");
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    test::write_file(folder_ / "y.tar.gz", std::string_view(whole).substr(0, size));
    try {
      const Files files = read_all(folder_ / "y.tar.gz");
      // Behind the last file there is only padding.
      EXPECT_EQ(files.at("a").size(), 28u) << size;
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::kData)) << error.what();
    }
  }
}

TEST_F(Archive, FailedWriteLeavesTheOldOne) {
  test::write_file(folder_ / "a", "1");
  write_archive(folder_ / "x.tar.gz", folder_.path(), {"a"});
  expect_error(ErrorKind::kIo, [&] { write_archive(folder_ / "x.tar.gz", folder_.path(), {"a", "absent"}); });
  EXPECT_EQ(read_all(folder_ / "x.tar.gz").size(), 1u);
  size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder_.path())) ++files;
  EXPECT_EQ(files, 2u);
}

}  // namespace
}  // namespace lockstep::model

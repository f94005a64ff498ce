#include "lockstep/core/file.h"

#include <csignal>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep {
namespace {

using test::expect_contains;
using test::expect_error;

TEST(MappedFile, ShowsTheBytesOfAFile) {
  const test::TempFolder folder;
  write_atomic(folder / "a", "hello");
  MappedFile file(folder / "a");
  EXPECT_EQ(std::memcmp(file.bytes().data(), "hello", 5), 0);
  MappedFile moved = std::move(file);
  EXPECT_EQ(moved.size(), 5u);
  EXPECT_EQ(moved.path(), folder / "a");
}

TEST(MappedFile, MapsAnEmptyFileToNothing) {
  const test::TempFolder folder;
  write_atomic(folder / "empty", "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

TEST(MappedFile, NamesAFileThatIsNotThere) {
  const std::string message = expect_error(ErrorKind::kIo, [] { MappedFile("/nowhere/a.rec"); });
  expect_contains(message, "/nowhere/a.rec");
  expect_contains(message, "No such file");
}

TEST(MappedFile, RefusesAFolder) {
  const test::TempFolder folder;
  expect_contains(expect_error(ErrorKind::kIo, [&] { MappedFile file(folder.path()); }), "not a regular file");
}

TEST(FileWriter, WritesSmallAndLargePiecesInOrder) {
  const test::TempFolder folder;
  const std::string large(3 << 20, 'x');
  FileWriter writer(folder / "a");
  writer.write("begin");
  writer.write(large);
  writer.write("end");
  EXPECT_EQ(writer.offset(), 5 + large.size() + 3);
  writer.finish(true);
  EXPECT_EQ(read_text(folder / "a"), "begin" + large + "end");
}

TEST(FileWriter, NamesPathAndOffsetWhenTheDiskIsFull) {
  FileWriter writer("/dev/full");
  writer.write("bytes");
  const std::string message = expect_error(ErrorKind::kIo, [&] { writer.finish(); });
  expect_contains(message, "/dev/full");
  expect_contains(message, "at byte 0");
  expect_contains(message, "No space left");
}

TEST(File, WriteAtomicReplacesAndLeavesNothingBeside) {
  const test::TempFolder folder;
  write_atomic(folder / "a", "old");
  write_atomic(folder / "a", "new");
  EXPECT_EQ(read_text(folder / "a"), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, WriteAtomicKeepsTheOldTextWhenItFails) {
  const test::TempFolder folder;
  write_atomic(folder / "a", "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tiny{2, before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tiny);
  expect_error(ErrorKind::kIo, [&] { write_atomic(folder / "a", "much longer"); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, ReadBytesReusesMemory) {
  const test::TempFolder folder;
  write_atomic(folder / "a", "12345678");
  std::vector<std::byte> bytes(100);
  const auto* before = bytes.data();
  read_bytes(folder / "a", bytes);
  EXPECT_EQ(bytes.size(), 8u);
  EXPECT_EQ(bytes.data(), before);
}

TEST(File, FreeSpaceIsToldForAFolderThatWillBeMade) {
  const test::TempFolder folder;
  EXPECT_GT(free_space(folder / "not/yet/there"), 0u);
}

}  // namespace
}  // namespace lockstep

#include "read_ahead.h"

#include <chrono>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/toy_pictures.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

constexpr size_t kPages = 64, kPage = 4096;

size_t pages_in_memory(const MappedFile& file) {
  std::vector<unsigned char> resident(kPages);
  if (::mincore(const_cast<std::byte*>(file.bytes().data()), file.size(), resident.data()) != 0) return 0;
  return static_cast<size_t>(std::count_if(resident.begin(), resident.end(), [](auto page) { return page & 1; }));
}

TEST(ReadAhead, BringsTheBytesIntoThePageCache) {
  const test::TempFolder folder;
  toy::write_file(folder / "x", std::vector<std::byte>(kPages * kPage, std::byte{1}));
  sync_path(folder / "x");
  const int fd = ::open((folder / "x").c_str(), O_RDONLY | O_CLOEXEC);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
  const MappedFile file(folder / "x");
  if (pages_in_memory(file) > 0) GTEST_SKIP() << "this file system keeps what it is told to forget";
  const ReadAhead ahead(folder / "x");
  ahead.ask(kPage * 3, kPage * 40);
  for (int i = 0; i < 5000 && pages_in_memory(file) < 37; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GE(pages_in_memory(file), 37u);
}

TEST(ReadAhead, OfAFileThatIsNotThereDoesNothing) { ReadAhead("/nowhere/x").ask(0, 100); }

}  // namespace
}  // namespace lockstep::data

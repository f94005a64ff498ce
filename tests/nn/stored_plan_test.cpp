#include "stored_plan.h"

#include <fstream>

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace lockstep::nn {
namespace {

const std::string kTitle =
    "NVIDIA H200, cuDNN 91900, driver 13000, BatchNorm+relu in bfloat16 of 256x64x56x56, forward";
constexpr char kBytes[] = "{\"cudnnVersion\":91900,\n\"kernel\":\"\0\xff\"}";
const std::string kPlan(kBytes, sizeof kBytes - 1);

TEST(StoredPlan, IsReadBackAsItWas) {
  const test::TempFolder folder;
  store_plan(folder.path() / "new" / "plans", kTitle, kPlan);
  EXPECT_EQ(read_plan(folder.path() / "new" / "plans", kTitle), kPlan);
}

TEST(StoredPlan, BelongsToItsTitleAlone) {
  const test::TempFolder folder;
  store_plan(folder.path(), kTitle, kPlan);
  EXPECT_FALSE(read_plan(folder.path(), kTitle + " deterministic"));
  const Path file = std::filesystem::directory_iterator(folder.path())->path();
  store_plan(folder.path(), "another", "other");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path() != file)
      std::filesystem::copy(file, entry.path(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(read_plan(folder.path(), "another")) << "the file of one under the name of the other";
}

TEST(StoredPlan, IsNotReadWhereAByteOfItIsWrong) {
  const test::TempFolder folder;
  store_plan(folder.path(), kTitle, kPlan);
  const Path file = std::filesystem::directory_iterator(folder.path())->path();
  const std::string whole = read_text(file);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    std::ofstream(file, std::ios::binary) << damaged;
    EXPECT_FALSE(read_plan(folder.path(), kTitle)) << i;
    std::ofstream(file, std::ios::binary) << whole.substr(0, i);
    EXPECT_FALSE(read_plan(folder.path(), kTitle)) << "cut off at " << i;
  }
  store_plan(folder.path(), kTitle, kPlan);
  EXPECT_EQ(read_plan(folder.path(), kTitle), kPlan) << "it is replaced";
}

TEST(StoredPlan, NeedsNoFolder) {
  store_plan("", kTitle, kPlan);
  EXPECT_FALSE(read_plan("", kTitle));
  EXPECT_FALSE(read_plan("/nonexistent/folder", kTitle));
  const test::TempFolder folder;
  std::ofstream(folder.path() / "file") << "in the way";
  store_plan(folder.path() / "file", kTitle, kPlan);
  EXPECT_FALSE(read_plan(folder.path() / "file", kTitle));
}

}  // namespace
}  // namespace lockstep::nn

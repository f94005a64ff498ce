#include "class_names.h"

#include <gtest/gtest.h>

namespace lockstep::data {
namespace {

TEST(ShardPrefix, LeavesOutTheNumbersOfAShard) {
  EXPECT_EQ(shard_prefix("data/x_train-00002-of-00016.rec"), "x_train");
  for (const char* whole : {"x", "x-of-2", "x-1-of-", "x-of-y-1-of-z", "1-of-2", "x-a-of-2", "-of-"})
    EXPECT_EQ(shard_prefix(whole + std::string(".rec")), whole);
}

}  // namespace
}  // namespace lockstep::data

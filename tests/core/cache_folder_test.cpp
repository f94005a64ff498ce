#include "lockstep/core/cache_folder.h"

#include <gtest/gtest.h>

#include "support/variable.h"

namespace lockstep {
namespace {

using test::Variable;

TEST(CacheFolder, IsTheFirstPlaceThatTheEnvironmentNames) {
  const Variable home("HOME", nullptr), cache("LOCKSTEP_CACHE", nullptr), xdg("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(cache_folder(), "");
  const Variable somebody("HOME", "/nowhere/somebody");
  EXPECT_EQ(cache_folder(), "/nowhere/somebody/.cache/lockstep");
  const Variable shared("XDG_CACHE_HOME", "/var/cache");
  EXPECT_EQ(cache_folder(), "/var/cache/lockstep");
  const Variable own("LOCKSTEP_CACHE", "/nowhere/own");
  EXPECT_EQ(cache_folder(), "/nowhere/own");
}

}  // namespace
}  // namespace lockstep

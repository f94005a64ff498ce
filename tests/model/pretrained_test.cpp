#include "lockstep/model/pretrained.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/variable.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;
using test::Variable;

TEST(Pretrained, LooksInTheCacheFolder) {
  const Variable home("HOME", "/nowhere/somebody"), cache("LOCKSTEP_CACHE", nullptr), xdg("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(pretrained_folder(), "/nowhere/somebody/.cache/lockstep");
  const Variable other("XDG_CACHE_HOME", "/var/cache");
  EXPECT_EQ(pretrained_folder(), "/var/cache/lockstep");
  const Variable own("LOCKSTEP_CACHE", "/nowhere/weights");
  EXPECT_EQ(pretrained_folder(), "/nowhere/weights");
}

TEST(Pretrained, SaysWhichFileIsWantedAndWhereItComesFrom) {
  const test::TempFolder folder;
  const Variable cache("LOCKSTEP_CACHE", folder.path().c_str());
  const std::string message = expect_error(ErrorKind::kUsage, [] { find_pretrained("resnet_v2", 50); });
  expect_contains(message, "resnet-50-0000.params and resnet-50-symbol.json");
  expect_contains(message, "http://data.mxnet.io/models/imagenet/resnet/50-layers/");
  expect_contains(message, folder.path().string());

  write_atomic(folder / "resnet-50-symbol.json", "{}");
  const std::string one = expect_error(ErrorKind::kUsage, [] { find_pretrained("resnet_v2", 50); });
  expect_contains(one, "get resnet-50-0000.params from");
  write_atomic(folder / "resnet-50-0000.params", "x");
  EXPECT_EQ(find_pretrained("resnet_v2", 50), folder / "resnet-50-0000.params");
}

TEST(Pretrained, KnowsTorchvisionsFiles) {
  const test::TempFolder folder;
  const Variable cache("LOCKSTEP_CACHE", folder.path().c_str());
  write_atomic(folder / "mobilenet_v2-b0353104.pth", "x");
  EXPECT_EQ(find_pretrained("mobilenet_v2", 152), folder / "mobilenet_v2-b0353104.pth") << "any number of layers";
  expect_contains(expect_error(ErrorKind::kUsage, [] { find_pretrained("resnet_v1", 34); }), "resnet34-b627a593.pth");
}

TEST(Pretrained, RefusesANetworkThatNobodyPublishes) {
  expect_contains(expect_error(ErrorKind::kUsage, [] { find_pretrained("resnet_v2", 20); }),
                  "no public weights are known for resnet_v2 with 20 layers");
}

}  // namespace
}  // namespace lockstep::model

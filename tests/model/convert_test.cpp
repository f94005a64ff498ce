#include "lockstep/model/convert.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/mxnet.h"
#include "sample_artefact.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;
namespace fs = std::filesystem;

class Convert : public testing::Test {
 protected:
  Convert() {
    Artefact artefact = test::sample_artefact({.num_layers = 20, .classes = 2, .height = 28, .width = 28}, 12);
    artefact.card.classes = {"cat", "dog"};
    write_artefact(folder_ / "start", artefact, false);
  }
  Path path(const char* name) const { return folder_ / name; }
  void expect_same_files(const Path& other, const std::string& prefix = "image-classification") const {
    for (const char* end : {"-symbol.json", "-0012.params"})
      EXPECT_TRUE(read_text(path("start") / (std::string("image-classification") + end)) ==
                  read_text(other / (prefix + end)))
          << prefix << end;
    for (const char* name : {"model-shapes.json", "lockstep.json"})
      EXPECT_EQ(read_text(path("start") / name), read_text(other / name));
  }
  test::TempFolder folder_;
};

TEST_F(Convert, EveryFormComesBackByteForByte) {
  for (const char* form : {"a/model.tar.gz", "b/x.tgz", "c/x.safetensors", "d", "e/net-0012.params"}) {
    convert(path("start"), path(form));
    convert(path(form), path("back"));
    expect_same_files(path("back"));
    fs::remove_all(path("back"));
  }
  expect_same_files(path("d"));
  expect_same_files(path("e"), "net");
}

TEST_F(Convert, NothingIsLeftBesideTheArchive) {
  convert(path("start"), path("a/model.tar.gz"));
  EXPECT_EQ(std::distance(fs::directory_iterator(path("a")), fs::directory_iterator()), 1);
}

TEST_F(Convert, TheEpochFollowsTheNameOfTheParams) {
  convert(path("start"), path("e/net-0003.params"));
  EXPECT_EQ(read_artefact(path("e/net-0003.params")).epoch, 3);
  expect_contains(expect_error(ErrorKind::kUsage, [&] { convert(path("start"), path("e/net.params")); }),
                  "PREFIX-NNNN.params");
}

TEST_F(Convert, HalvesComeBackByteForByteToo) {
  convert(path("start"), path("half"), {.half = true});
  convert(path("half"), path("x.safetensors"));
  convert(path("x.safetensors"), path("back"));
  EXPECT_TRUE(read_text(path("half/image-classification-0012.params")) ==
              read_text(path("back/image-classification-0012.params")));
}

TEST_F(Convert, HalfHalvesWeightsAndLeavesBatchNormAlone) {
  convert(path("start"), path("half"), {.half = true});
  for (const Array& array : read_artefact(path("half")).arrays)
    EXPECT_EQ(array.type, array.shape.size() > 1 ? ElementType::kFloat16 : ElementType::kFloat32) << array.name;
}

TEST_F(Convert, TorchNamesAreThoseOfTheStateDict) {
  convert(path("start"), path("x.safetensors"), {.torch_names = true});
  EXPECT_NE(find_array(read_safetensors(path("x.safetensors")).arrays, "fc1.weight"), nullptr);
  EXPECT_EQ(read_artefact(path("x.safetensors")).card.classes, (std::vector<std::string>{"cat", "dog"}));
  expect_error(ErrorKind::kUsage, [&] { convert(path("start"), path("x.tar.gz"), {.torch_names = true}); });
}

TEST_F(Convert, AnotherEndingIsAskedAbout) {
  expect_contains(expect_error(ErrorKind::kUsage, [&] { convert(path("start"), path("x.onnx")); }), ".safetensors");
}

float halved(float value) { return to_floats(to_half({float_array("w", {1, 1}, &value)})[0])[0]; }

TEST(Half, RoundsToTheNearestAndOfTwoToTheEvenOne) {
  EXPECT_EQ(halved(1.0f), 1.0f);
  EXPECT_EQ(halved(1.0f + 0x1p-11f), 1.0f);
  EXPECT_EQ(halved(1.0f + 0x3p-11f), 1.0f + 0x1p-9f);
  EXPECT_EQ(halved(1.0f + 0x1.8p-11f), 1.0f + 0x1p-10f);
  EXPECT_EQ(halved(2.0f - 0x1p-12f), 2.0f);
  EXPECT_EQ(halved(65504.0f), 65504.0f);
  EXPECT_EQ(halved(-0x1p-24f), -0x1p-24f);
  EXPECT_EQ(halved(0x1p-25f), 0.0f);
  EXPECT_EQ(halved(0x3p-26f), 0x1p-24f);
  EXPECT_EQ(halved(0x1p-14f - 0x1p-26f), 0x1p-14f);
  EXPECT_TRUE(std::signbit(halved(-0.0f)));
  EXPECT_TRUE(std::isnan(halved(NAN)));
  EXPECT_EQ(halved(-INFINITY), -INFINITY);
}

TEST(Half, EveryHalfComesBack) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float value = std::ldexp(static_cast<float>(bits < 1024 ? bits : 1024 + bits % 1024),
                                   bits < 1024 ? -24 : static_cast<int>(bits / 1024) - 25);
    ASSERT_EQ(halved(value), value) << bits;
  }
}

TEST(Half, RefusesWhatIsTooLargeByName) {
  const float values[] = {1, 65520};
  expect_contains(expect_error(ErrorKind::kData, [&] { to_half({float_array("arg:w", {2, 1}, values)}); }),
                  "\"arg:w\": element 1");
}

}  // namespace
}  // namespace lockstep::model

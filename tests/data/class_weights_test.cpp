#include "lockstep/data/class_weights.h"

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Weights = std::vector<double>;

const DatasetFacts kFacts{
    .samples = 12, .classes = 3, .class_names = {"ape", "bee", "big cat"}, .class_counts = {6, 4, 2}};

Weights from_text(const std::string& text, const DatasetFacts& facts = kFacts) {
  const test::TempFolder folder;
  toy::write_text(folder / "w", text);
  return class_weights((folder / "w").string(), facts);
}

std::string error_of(const std::string& text) {
  return test::expect_error(ErrorKind::kUsage, [&] { from_text(text); });
}

TEST(ClassWeights, NoneAreEmpty) { EXPECT_EQ(class_weights("none", kFacts), Weights{}); }

TEST(ClassWeights, AutoIsScikitLearnsBalanced) {
  // sklearn.utils.class_weight.compute_class_weight("balanced", ...) of these 12 labels.
  const Weights weights = class_weights("auto", kFacts);
  ASSERT_EQ(weights.size(), 3u);
  EXPECT_NEAR(weights[0], 0.6666666666666666, 1e-15);
  EXPECT_NEAR(weights[1], 1, 1e-15);
  EXPECT_NEAR(weights[2], 2, 1e-15);
}

TEST(ClassWeights, AutoLeavesAClassWithoutSamplesAtOne) {
  DatasetFacts facts = kFacts;
  facts.class_counts = {6, 0, 2};
  facts.classes = 4;  // one more than was counted
  EXPECT_EQ(class_weights("auto", facts), (Weights{8.0 / 12, 1, 2, 1}));
}

TEST(ClassWeights, ComeFromAFileByNameOrLabel) {
  EXPECT_EQ(from_text("# of the second run\nbee 2.5\nbig cat\t0\n\n 0  1 \r\n"), (Weights{1, 2.5, 0}));
}

TEST(ClassWeights, OfUnnamedClassesGoByLabel) {
  EXPECT_EQ(from_text("1 3\n0 1\n", {.samples = 2, .classes = 2, .class_names = {}, .class_counts = {1, 1}}),
            (Weights{1, 3}));
}

TEST(ClassWeights, NameTheLineThatIsWrong) {
  test::expect_contains(error_of("ape 1\nbee\n"), "w:2");
  test::expect_contains(error_of("ape one\n"), "\"one\" is no weight");
  test::expect_contains(error_of("ape -1\n"), "\"-1\" is no weight");
  test::expect_contains(error_of("ape nan\n"), "is no weight");
  test::expect_contains(error_of("bea 1\n"), "did you mean bee?");
  test::expect_contains(error_of("3 1\n"), "\"3\" is neither");
  test::expect_contains(error_of("ape 1\n0 1\n"), "w:2: the class 0 has a weight already");
}

TEST(ClassWeights, AreAllGivenAndNotAllZero) {
  test::expect_contains(error_of("ape 1\nbee 1\n"), "no weight for class big cat");
  test::expect_contains(error_of("0 0\n1 0\n2 0\n"), "every class the weight 0");
  test::expect_error(ErrorKind::kIo, [&] { class_weights("/nowhere/w", kFacts); });
}

}  // namespace
}  // namespace lockstep::data

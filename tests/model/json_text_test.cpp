#include "json_text.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::model {
namespace {

std::string refusal(std::string_view text) {
  return test::expect_error(ErrorKind::kData, [&] { verify_json(text, "x.json"); });
}

TEST(JsonText, PassesJson) {
  verify_json(R"({"a": [1, 2.5, "x", null, true, {"a": -1}], "b": {}})", "x.json");
  verify_json(std::string(64, '[') + std::string(64, ']'), "x.json");
}

TEST(JsonText, NamesTheOffsetOfAMistake) {
  test::expect_contains(refusal("{\"a\": ]"), "x.json: offset 7");
  test::expect_contains(refusal(""), "not JSON");
  test::expect_contains(refusal("{} {}"), "not JSON");
}

TEST(JsonText, RefusesDepthDoublesAndZeroBytes) {
  test::expect_contains(refusal(std::string(65, '[')), "deeper than 64");
  test::expect_contains(refusal(R"({"a": {"b": 1, "b": 2}})"), "\"b\" stands twice");
  test::expect_contains(refusal(std::string_view("{}\0x", 4)), "offset 2");
}

}  // namespace
}  // namespace lockstep::model

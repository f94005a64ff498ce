#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lockstep/track/events.h"

namespace lockstep::track {
namespace {

TEST(Event, KeepsTheOrderInWhichKeysWereSet) {
  EXPECT_EQ(Event("step").set("step", 3).set("epoch", 0).set("loss", 0.5).json(),
            R"({"event":"step","step":3,"epoch":0,"loss":0.5})");
}

TEST(Event, GivesAKeyThatIsSetAgainItsNewValueInItsOldPlace) {
  EXPECT_EQ(Event().set("a", 1).set("b", 2).set("a", 3).json(), R"({"a":3,"b":2})");
}

TEST(Event, WritesEveryKindOfValue) {
  const Event event = Event()
                          .set("yes", true)
                          .set("text", "a \"b\"\n")
                          .set("object", Event().set("k", 1))
                          .set("numbers", std::vector<double>{1, 2.5})
                          .set("counts", std::vector<int64_t>{-1, 2})
                          .set("names", std::vector<std::string>{"cat", "dog"})
                          .set("rows", std::vector<std::vector<int64_t>>{{1, 2}, {3, 4}})
                          .set("objects", std::vector<Event>{Event().set("a", 1), Event()})
                          .set("nothing", std::vector<Event>{});
  EXPECT_EQ(event.json(), R"({"yes":true,"text":"a \"b\"\n","object":{"k":1},"numbers":[1.0,2.5],"counts":[-1,2],)"
                          R"("names":["cat","dog"],"rows":[[1,2],[3,4]],"objects":[{"a":1},{}],"nothing":[]})");
}

TEST(Event, WritesNumbersThatReadBackEqual) {
  for (const double value : {0.1, 1.0 / 3, 1e-8, 1e300, std::nextafter(1.0, 2.0), -5e-324, 123456789.123456789}) {
    const auto read = nlohmann::json::parse(Event().set("x", value).json());
    EXPECT_EQ(read["x"].get<double>(), value);
    EXPECT_EQ(nlohmann::json::parse(Event().set("x", value).json(2))["x"].get<double>(), value);
  }
  const int64_t large = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(nlohmann::json::parse(Event().set("n", large).json(2))["n"].get<int64_t>(), large);
}

TEST(Event, WritesNumbersThatAreNotFiniteAsNull) {
  EXPECT_EQ(Event().set("a", std::nan("")).set("b", std::vector<double>{INFINITY, 1}).json(),
            R"({"a":null,"b":[null,1.0]})");
}

TEST(Event, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(Event().set("file", "caf\xe9").json(), "{\"file\":\"caf\xef\xbf\xbd\"}");
}

TEST(Event, IndentsObjectsAndKeepsListsOfPlainValuesOnOneLine) {
  const Event event = Event()
                          .set("count", 2)
                          .set("matrix", std::vector<std::vector<int64_t>>{{1, 0}, {0, 1}})
                          .set("micro", Event().set("f1", 1.0));
  EXPECT_EQ(event.json(2), R"({
  "count": 2,
  "matrix": [
    [1,0],
    [0,1]
  ],
  "micro": {
    "f1": 1.0
  }
})");
}

}  // namespace
}  // namespace lockstep::track

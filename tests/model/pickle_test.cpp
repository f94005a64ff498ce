#include "pickle.h"

#include <gtest/gtest.h>

#include "damage.h"
#include "zip_bytes.h"

namespace lockstep::model {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;
using test::bytes_of;
using test::expect_contains;
using test::expect_error;
using Kind = PickleValue::Kind;

std::string text(const std::string& letters) {
  std::string bytes = "X";
  test::append_number(bytes, static_cast<uint32_t>(letters.size()));
  return bytes + letters;
}

bool allow_ordered_dict(std::string_view name) { return name == "collections.OrderedDict"; }

/// A pickle whose bytes stay where they are.
struct Reading {
  explicit Reading(std::string given)
      : bytes(std::move(given)), reader(bytes_of(bytes), "x.pkl"), pickle(reader, allow_ordered_dict) {}
  std::string bytes;
  ByteReader reader;
  Pickle pickle;

  const PickleValue& operator[](std::string_view key) const { return *pickle.find(pickle.root(), key); }
};

std::string refusal_of(const std::string& bytes) {
  return expect_error(ErrorKind::kData, [&] { Reading reading(bytes); });
}

/// Python: d = {"one": 1, "minus": -1, "half": 0.5, "list": [None, 0x1234, True], "big": 1 << 70}; d["tuple"] =
/// ("list", d)
const std::string kProtocol2 = "\x80\x02}q\x00("s + text("one") + "q\x01K\x01" + text("minus") +
                               "q\x02J\xff\xff\xff\xff" + text("half") + "q\x03G?\xe0\0\0\0\0\0\0"s + text("list") +
                               "q\x04]q\x05(NM4\x12\x88\x65" + text("big") + "q\x06\x8a\t\0\0\0\0\0\0\0\0@"s +
                               text("tuple") + "q\x07h\x04h\x00\x86q\x08u."s;
const std::string kProtocol4 =
    "\x80\x04\x95\x59\0\0\0\0\0\0\0}\x94(\x8c\x03one\x94K\x01\x8c\x05minus\x94J\xff\xff\xff\xff\x8c\x04half\x94G?"
    "\xe0\0\0\0"
    "\0\0\0\x8c\x04list\x94]\x94(NM4\x12\x88\x65\x8c\x03\x62ig\x94\x8a\t\0\0\0\0\0\0\0\0@\x8c\x05tuple\x94h\x04h\x00\x86\x94u."s;

TEST(Pickle, ReadsWhatPythonWrites) {
  for (const std::string& bytes : {kProtocol2, kProtocol4}) {
    const Reading reading(bytes);
    EXPECT_EQ(reading["one"].integer, 1);
    EXPECT_EQ(reading["minus"].integer, -1);
    EXPECT_EQ(reading["half"].number, 0.5);
    const PickleValue& list = reading["list"];
    ASSERT_EQ(list.items.size(), 3u);
    EXPECT_EQ(reading.pickle[list.items[0]].kind, Kind::kNone);
    EXPECT_EQ(reading.pickle[list.items[1]].integer, 0x1234);
    EXPECT_EQ(reading.pickle[list.items[2]].kind, Kind::kBool);
    EXPECT_EQ(reading["big"].text, "\0\0\0\0\0\0\0\0@"sv);
    const PickleValue& tuple = reading["tuple"];
    EXPECT_EQ(reading.pickle[tuple.items[0]].text, "list");
    EXPECT_EQ(&reading.pickle[tuple.items[1]], &reading.pickle.root()) << "the dict itself";
    EXPECT_EQ(reading.pickle.find(reading.pickle.root(), "absent"), nullptr);
    EXPECT_EQ(reading.reader.remaining(), 0u);
  }
}

TEST(Pickle, LeavesTheReaderBehindIt) {
  const Reading reading("\x80\x02K\x07.more"s);
  EXPECT_EQ(reading.pickle.root().integer, 7);
  EXPECT_EQ(reading.reader.remaining(), 4u);
}

TEST(Pickle, RefusesEveryGlobalThatIsNotAllowedByName) {
  for (const std::string& bytes :
       {"cposix\nsystem\n("s + text("id") + "tR."s, "\x80\x04\x8c\x05posix\x8c\x06system\x93."s}) {
    const std::string message = refusal_of(bytes);
    expect_contains(message, "\"posix.system\"");
    expect_contains(message, "x.pkl: offset");
    expect_contains(message, "torch.save(model.state_dict(), path)");
  }
}

TEST(Pickle, ReadsAnOrderedDictOfPython2And3) {
  const std::string three = "ccollections\nOrderedDict\n)R("s + text("a") + "K\x01u.";
  const std::string two = "ccollections\nOrderedDict\n(](]("s + text("a") + "K\x01\x65\x65tR.";
  for (const std::string& bytes : {three, two}) EXPECT_EQ(Reading(bytes)["a"].integer, 1);
}

TEST(Pickle, PassesOverTheAttributesOfAnObject) {
  EXPECT_EQ(
      Reading("ccollections\nOrderedDict\n)R}"s + text("_metadata") + "NsbK\x01\x86."s).pickle.root().items.size(), 2u);
}

TEST(Pickle, KeepsPersistentIdsAsTheyAre) {
  const Reading reading(text("key") + "Q.");
  EXPECT_EQ(reading.pickle.root().kind, Kind::kPersistent);
  EXPECT_EQ(reading.pickle[reading.pickle.root().items[0]].text, "key");
}

TEST(Pickle, RefusesProgramsThatMakeNoSense) {
  for (const auto& [bytes, reason] : {std::pair{"."s, "stack is empty"},
                                      {"K\x01(."s, "stack is empty"},
                                      {"t."s, "no mark"},
                                      {"h\x05."s, "memo 5 holds nothing"},
                                      {"q\x05."s, "nothing is there"},
                                      {"K\x01K\x02\x61."s, "no list"},
                                      {"}(K\x01u."s, "without a value"},
                                      {"K\x01)R."s, "no name"},
                                      {"ccollections\nOrderedDict\nNR."s, "no tuple"},
                                      {"I12\n."s, "instruction 73"},
                                      {"(i__main__\nX\n."s, "instruction 105"},
                                      {"K\x01K\x02\x93."s, "no text"},
                                      {"ccollect"s, "cut off"},
                                      {"X\xff\xff\xff\xff"s, "cut off"}})
    expect_contains(refusal_of(bytes), reason);
}

TEST(Pickle, EveryTruncationIsRefusedWithItsOffset) {
  for (const std::string& whole : {kProtocol2, kProtocol4})
    for (size_t size = 0; size < whole.size(); ++size) expect_contains(refusal_of(whole.substr(0, size)), "offset");
}

TEST(Pickle, NoFlippedBitDoesHarm) {
  for (const std::string& whole : {kProtocol2, kProtocol4})
    test::flip_bits(whole, 1, [](const std::string& bytes) { const Reading reading(bytes); });
}

TEST(Pickle, CannotFillTheMemoryByCopies) {
  // A list of the same pair a thousand times, of which a dict is made again and again.
  std::string bytes = "](K\x01K\x02\x86q\x01"s;
  for (int i = 0; i < 1000; ++i) bytes += "h\x01";
  bytes += "e\x85q\x02";
  for (int i = 0; i < 2000; ++i) bytes += "ccollections\nOrderedDict\nh\x02R";
  expect_contains(refusal_of(bytes + "."), "copies more than");
}

}  // namespace
}  // namespace lockstep::model

#include "lockstep/record/image_record.h"

#include <gtest/gtest.h>

#include "bytes.h"
#include "support/expect_error.h"

namespace lockstep::record {
namespace {

const std::vector<float> kMultiHot = {1, 0, 1};

TEST(ImageRecord, PacksOneLabelAsMxnetDoes) {
  std::vector<std::byte> payload;
  pack(7, std::vector<float>{3}, false, test::as_bytes("pixels"), payload);
  EXPECT_EQ(payload, test::from_hex("00000000 00004040 0700000000000000 0000000000000000 706978656c73"));
}

TEST(ImageRecord, PacksSeveralLabelsAsMxnetDoes) {
  std::vector<std::byte> payload;
  pack(7, kMultiHot, true, test::as_bytes("x"), payload);
  EXPECT_EQ(payload,
            test::from_hex("03000000 00000000 0700000000000000 0000000000000000 0000803f 00000000 0000803f 78"));
}

TEST(ImageRecord, KeepsTheFirstOfSeveralLabelsUnlessPacked) {
  std::vector<std::byte> payload;
  std::vector<float> labels;
  pack(7, std::vector<float>{2, 5}, false, {}, payload);
  parse(payload, labels);
  EXPECT_EQ(labels, std::vector<float>{2});
}

TEST(ImageRecord, ParsesWhatItPacked) {
  std::vector<std::byte> payload;
  std::vector<float> labels;
  pack(uint64_t{1} << 40, kMultiHot, true, test::as_bytes("pixels"), payload);
  const auto record = parse(payload, labels);
  EXPECT_EQ(record.id, uint64_t{1} << 40);
  EXPECT_EQ(labels, kMultiHot);
  EXPECT_EQ(test::as_text(record.picture), "pixels");
  EXPECT_EQ(record.picture.data() + record.picture.size(), payload.data() + payload.size()) << "a copy was made";
}

TEST(ImageRecord, IgnoresTheHeaderLabelWhenLabelsFollow) {
  const auto payload = test::from_hex("01000000 0000c842 0700000000000000 0000000000000000 00000040");
  std::vector<float> labels;
  parse(payload, labels);
  EXPECT_EQ(labels, std::vector<float>{2});
}

TEST(ImageRecord, RefusesEveryTruncationOfHeaderAndLabels) {
  std::vector<std::byte> payload;
  std::vector<float> labels;
  pack(7, kMultiHot, true, {}, payload);
  for (size_t size = 0; size < payload.size(); ++size)
    test::expect_error(ErrorKind::kData, [&] { parse(Bytes(payload).first(size), labels); });
}

TEST(ImageRecord, NamesMoreLabelsThanBytes) {
  const auto payload = test::from_hex("ffffffff 00000000 0700000000000000 0000000000000000 0000803f");
  std::vector<float> labels;
  const auto message = test::expect_error(ErrorKind::kData, [&] { parse(payload, labels); });
  test::expect_contains(message, "announces 4294967295 labels");
}

TEST(ImageRecord, NamesAProtobufMessage) {
  // features { key "values" value ... }, label { ... }: two fields of wire type 2, as SageMaker's own writer makes
  // them.
  const auto payload = test::from_hex("0a 04 0a02 7631 12 02 0a00");
  std::vector<float> labels;
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { parse(payload, labels); }), "protobuf");
}

}  // namespace
}  // namespace lockstep::record

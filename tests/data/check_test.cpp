#include "lockstep/data/check.h"

#include <gtest/gtest.h>

#include "lockstep/config/load.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"
#include "support/toy_records.h"

namespace lockstep::data {
namespace {

/// Folders of PNG pictures, checked as channels.
class Check : public testing::Test {
 protected:
  void put(const std::string& file, int label, int size, uint64_t id) {
    std::vector<std::byte> bytes;
    image::encode(test::toy_picture(label, size, id), image::Format::kPng, 3, bytes);
    put_bytes(file, bytes);
  }
  void put_bytes(const std::string& file, Bytes bytes) {
    std::filesystem::create_directories((folder_ / file).parent_path());
    write_atomic(folder_ / file, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  void put_class(const std::string& folder, int label, int count, int size = 40, uint64_t first = 0) {
    for (int i = 0; i < count; ++i) put(cat(folder, "/", i, ".png"), label, size, first + static_cast<uint64_t>(i));
  }

  CheckReport run(const std::vector<std::string>& names, const std::string& hyperparameters = "",
                  const std::string& run = "", bool decode = false) {
    CheckOptions options{.decode = decode, .threads = 2};
    options.config =
        load_config_text(cat("channels: {train: ", (folder_ / names[0]).string(),
                             names.size() > 1 ? cat(", validation: ", (folder_ / names[1]).string()) : "",
                             "}\nhyperparameters: {image_shape: \"3,32,32\"", hyperparameters, "}\nrun: {", run, "}\n"),
                         "check.yaml")
            .config;
    options.is_whole = true;
    for (const std::string& name : names)
      options.channels.push_back({name, dataset_options(options.config, {.paths = {(folder_ / name).string()}}, {})});
    return check(options);
  }

  /// The finding that contains the text.
  static const Finding* find(const CheckReport& report, const std::string& text) {
    for (const Finding& finding : report.findings)
      if (finding.text.find(text) != std::string::npos) return &finding;
    return nullptr;
  }
  static void expect_found(const CheckReport& report, Severity severity, const std::string& text) {
    const Finding* found = find(report, text);
    ASSERT_NE(found, nullptr) << "no finding says \"" << text << "\":\n" << to_text(report);
    EXPECT_EQ(found->severity, severity) << found->text;
  }

  test::TempFolder folder_;
};

TEST_F(Check, HasNothingAgainstGoodData) {
  for (int label = 0; label < 3; ++label) {
    put_class(cat("train/", "abc"[label]), label, 24);
    put_class(cat("val/", "abc"[label]), label, 24, 40, 1000);
  }
  const CheckReport report = run({"train", "val"});
  EXPECT_TRUE(report.findings.empty()) << to_text(report);
  EXPECT_FALSE(report.would_fail());
  ASSERT_EQ(report.channels.size(), 2u);
  EXPECT_EQ(report.channels[0].samples, 72);
  EXPECT_EQ(report.channels[0].class_counts, (std::vector<int64_t>{24, 24, 24}));
  EXPECT_EQ(report.channels[0].formats.at("PNG"), 72);
  EXPECT_EQ(report.channels[0].median_side, 40);
  EXPECT_EQ(report.channels[0].imbalance(), 1);
}

TEST_F(Check, FindsPicturesThatCannotBeRead) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  put_bytes("train/a/broken.png", std::as_bytes(std::span("no picture at all", 17)));
  const CheckReport report = run({"train"});
  EXPECT_TRUE(report.would_fail());
  expect_found(report, Severity::kFails, "1 samples cannot be read");
  expect_found(report, Severity::kFails, "broken.png");
  expect_found(run({"train"}, "", "skip_bad_records: 1"), Severity::kDoubtful, "1 samples cannot be read");
}

TEST_F(Check, FindsPicturesThatAreCutOff) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  std::vector<std::byte> jpeg;
  image::encode(test::toy_picture(0, 60, 7), image::Format::kJpeg, 90, jpeg);
  put_bytes("train/b/whole.jpg", jpeg);
  EXPECT_EQ(find(run({"train"}), "cut off"), nullptr);
  jpeg.resize(jpeg.size() / 2);
  put_bytes("train/b/half.jpg", jpeg);
  expect_found(run({"train"}), Severity::kDoubtful, "half.jpg: cut off");
}

TEST_F(Check, DecodesEveryPixelWhereItIsAskedTo) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  std::vector<std::byte> png;
  image::encode(test::toy_picture(0, 60, 7), image::Format::kPng, 3, png);
  for (size_t i = 60; i < 90; ++i) png[i] ^= std::byte{0x5A};  // behind the header, before the end
  put_bytes("train/b/spoilt.png", png);
  EXPECT_FALSE(run({"train"}).would_fail()) << "the header is fine";
  expect_found(run({"train"}, "", "", true), Severity::kFails, "spoilt.png");
}

TEST_F(Check, FindsPicturesThatOccurTwice) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  put("train/a/again.png", 0, 40, 3);
  put("train/b/other.png", 0, 40, 5);  // a picture of class a
  const CheckReport report = run({"train"});
  expect_found(report, Severity::kDoubtful, "2 samples repeat a picture of this channel");
  expect_found(report, Severity::kDoubtful, "1 pictures occur with different labels");
  EXPECT_FALSE(report.would_fail());
}

TEST_F(Check, FindsPicturesOfTrainingInValidation) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  put_class("val/a", 0, 21, 40, 20);  // ids 20 to 40: four of them are in train
  put_class("val/b", 1, 21, 40, 1000);
  expect_found(run({"train", "val"}), Severity::kDoubtful, "4 of 42 samples are in train too");
}

TEST_F(Check, ComparesWithTheConfiguration) {
  put_class("train/a", 0, 24);
  put_class("train/b", 1, 24);
  const CheckReport report = run({"train"}, ", num_classes: 3, num_training_samples: 50");
  EXPECT_TRUE(report.would_fail());
  expect_found(report, Severity::kFails, "num_classes: 3");
  expect_found(report, Severity::kFails, "num_training_samples: 50");
  expect_found(report, Severity::kAdvice, "there is no validation channel");
}

TEST_F(Check, LooksAtSizes) {
  put_class("train/a", 0, 24, 20);
  put_class("train/b", 1, 24, 100);
  const CheckReport report = run({"train"});
  EXPECT_EQ(report.channels[0].enlarged, 24);
  EXPECT_EQ(report.channels[0].smallest_side, 20);
  EXPECT_EQ(report.channels[0].largest_side, 100);
  expect_found(report, Severity::kDoubtful, "24 of 48 pictures are enlarged to 32 pixels");
  expect_found(report, Severity::kAdvice, "lockstep pack --resize 40");
  expect_found(run({"train"}, "", "small_pictures: refuse"), Severity::kFails, "24 pictures are smaller");
}

TEST_F(Check, AdvisesOnTheBalanceOfClasses) {
  put_class("train/a", 0, 70);
  put_class("train/b", 1, 20);
  put_class("train/c", 2, 5);
  const CheckReport report = run({"train"});
  EXPECT_EQ(report.channels[0].imbalance(), 14);
  expect_found(report, Severity::kAdvice, "14.0 times");
  expect_found(report, Severity::kAdvice, "fewer than 20 samples of c (5)");
}

TEST_F(Check, DoubtsThatOneClassIsMeant) {
  put_class("one/a", 0, 3);
  expect_found(run({"one"}), Severity::kDoubtful, "one class alone");
}

TEST_F(Check, ShowsNamesWithControlCharactersInOneLine) {
  put_class("odd/a\nb", 0, 2);
  put_class("odd/c", 1, 2);
  const std::string text = to_text(run({"odd"}));
  test::expect_contains(text, "  a\\nb\n");
  EXPECT_EQ(text.find("a\nb"), std::string::npos);
}

TEST_F(Check, CountsTheLabelsOfMultiLabelData) {
  test::make_toy_records(folder_ / "many", 60, 4, 40, true);
  const CheckReport report = run({"many.rec"}, ", multi_label: true");
  EXPECT_EQ(report.channels[0].class_counts, (std::vector<int64_t>{15, 30, 15, 15}));
}

TEST_F(Check, RefusesLabelsThatTrainingDoesNotHave) {
  test::make_toy_records(folder_ / "train", 60, 2, 40);
  test::make_toy_records(folder_ / "val", 60, 3, 40);
  expect_found(run({"train.rec", "val.rec"}), Severity::kFails, "labels go up to 2, those of train.rec to 1");
}

TEST_F(Check, TellsEverythingAsTextJsonAndChart) {
  put_class("train/a", 0, 70);
  put_class("train/b", 1, 5);
  const CheckReport report = run({"train"});
  const std::string text = to_text(report), json = to_event(report).json(), chart = chart_of(report);
  EXPECT_NE(text.find("    0          70  a\n"), std::string::npos) << text;
  EXPECT_NE(text.find("train: 75 samples, "), std::string::npos) << text;
  EXPECT_NE(json.find("\"class_counts\":[70,5]"), std::string::npos) << json;
  EXPECT_NE(json.find("\"would_fail\":false"), std::string::npos) << json;
  EXPECT_NE(chart.find(">b</text>"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::data

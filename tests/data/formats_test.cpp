#include "formats.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

// What every row of datasets.def must do, without a test of its own.
namespace lockstep::data {
namespace {

class EveryFormat : public testing::TestWithParam<std::string> {
 protected:
  DatasetOptions write(const std::vector<toy::Picture>& pictures) {
    const auto writer = toy::writers().find(GetParam());
    if (writer == toy::writers().end()) throw Error(ErrorKind::kBug, "toy_pictures.h cannot write this format");
    return writer->second(folder_ / "data", pictures);
  }
  test::TempFolder folder_;
};

std::vector<std::string> rows() { return names(formats()); }

INSTANTIATE_TEST_SUITE_P(Datasets, EveryFormat, testing::ValuesIn(rows()), [](const auto& row) { return row.param; });

TEST_P(EveryFormat, GivesTheSameSamples) {
  const auto pictures = toy::make_pictures(12);
  const auto dataset = open_dataset(write(pictures));
  ASSERT_EQ(dataset->size(), pictures.size());
  EXPECT_EQ(dataset->class_names(), toy::kClasses);
  EXPECT_EQ(dataset->label_width(), 1);
  Sample sample;
  std::vector<float> labels;
  for (size_t i = 0; i < pictures.size(); ++i) {
    dataset->read(i, sample);
    EXPECT_TRUE(std::ranges::equal(sample.bytes, pictures[i].bytes)) << i;
    EXPECT_EQ(sample.labels, std::vector<float>{pictures[i].label});
    EXPECT_TRUE(sample.seek_points.empty());
    EXPECT_NE(sample.name.find((folder_ / "data").string()), std::string::npos) << sample.name;
    dataset->read_labels(i, labels);
    EXPECT_EQ(labels, sample.labels);
    EXPECT_EQ(dataset->picture_bytes(i), pictures[i].bytes.size());
  }
}

TEST_P(EveryFormat, IsRecognisedByItsRowFirst) {
  const auto options = write(toy::make_pictures(3));
  for (const auto& format : formats()) {
    if (!format.make.recognises(options)) continue;
    EXPECT_EQ(format.name, GetParam());
    break;
  }
}

TEST_P(EveryFormat, ReadsInFourThreadsAtOnce) {
  const auto pictures = toy::make_pictures(24);
  const auto dataset = open_dataset(write(pictures));
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        Sample sample;
        for (size_t i = 0; i < 200; ++i) {
          const size_t id = (i * (2 * t + 1) + t) % pictures.size();
          dataset->read(id, sample);
          wrong += !std::ranges::equal(sample.bytes, pictures[id].bytes);
        }
      });
  }
  EXPECT_EQ(wrong, 0);
}

TEST_P(EveryFormat, GivesADataErrorWithThePathWhenBytesAreLost) {
  const auto options = write(toy::make_pictures(5));
  // Cut in the middle, then emptied. Five records: half of them is no whole number.
  for (const uintmax_t parts : {2, 1'000'000}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "data")) {
      const auto extension = entry.path().extension();
      if (extension == ".rec" || extension == ".png")
        std::filesystem::resize_file(entry.path(), entry.file_size() / parts);
    }
    const auto message = test::expect_error(ErrorKind::kData, [&] {
      const auto dataset = open_dataset(options);
      Sample sample;
      for (size_t i = 0; i < dataset->size(); ++i) {
        dataset->read(i, sample);
        try {
          image::Image picture;
          const auto header = image::probe(sample.bytes, 1'000'000);
          image::decode(sample.bytes, {}, header, {0, 0, header.width, header.height}, 3, picture);
        } catch (const Error& error) {
          fail(error.kind(), sample.name, ": ", error.what());
        }
      }
    });
    test::expect_contains(message, (folder_ / "data").string());
  }
}

TEST_P(EveryFormat, CountsItsClasses) {
  const auto facts = survey(*open_dataset(write(toy::make_pictures(12))), false, 3);
  EXPECT_EQ(facts.samples, 12);
  EXPECT_EQ(facts.classes, 3);
  EXPECT_EQ(facts.class_names, toy::kClasses);
  EXPECT_EQ(facts.class_counts, (std::vector<int64_t>{4, 4, 4}));
}

TEST_P(EveryFormat, HasAFingerprintOfItsSamples) {
  auto pictures = toy::make_pictures(6);
  const auto options = write(pictures);
  const uint64_t before = fingerprint(*open_dataset(options));
  EXPECT_EQ(before, fingerprint(*open_dataset(options)));
  std::filesystem::remove_all(folder_ / "data");
  pictures.pop_back();
  EXPECT_NE(before, fingerprint(*open_dataset(write(pictures))));
}

TEST_P(EveryFormat, RefusesAContentTypeThatSaysSomethingElse) {
  auto options = write(toy::make_pictures(3));
  options.channel.content_type = GetParam() == "records" ? "application/x-image" : "application/x-recordio";
  if (GetParam() == "manifest") options.channel.content_type = "text/csv";
  const auto message = test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); });
  test::expect_contains(message, "was recognised as " + GetParam());
  options.channel.content_type = GetParam() == "records" ? "Application/X-RecordIO" : "application/x-image; a=b";
  EXPECT_EQ(open_dataset(options)->size(), 3u);
  options.channel.content_type = "application/x-recrodio";
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); }),
                        "is none of those that are understood: application/x-recordio, ");
}

}  // namespace
}  // namespace lockstep::data
